# Rscript tests/oracles/r_two_arms.R > tests/oracles/r_two_arms.json   (R 4.2.2, survival 3.5-3)
# 600 drawn comparisons from 30 v 30 to 25 v 5: ties, heavy censoring, whole days, times of 0, arms without an event,
# arms whose times do not overlap. Times as R prints them: "12" an event, "12+" censored.
library(survival)
set.seed(26)
number <- function(x) ifelse(is.na(x), "null", formatC(x, digits = 8, format = "g", width = 1))
row <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
sizes <- list(c(30, 30), c(29, 31), c(28, 14), c(25, 15), c(27, 9), c(25, 5))
draw <- function(n, hazard, cutoff, followed, grain) {
  time <- rexp(n, hazard)
  end <- if (followed == "interim") runif(n, 0, cutoff) else ifelse(runif(n) < 0.15, runif(n, 0, cutoff), cutoff)
  time <- floor(pmax(0, time) / grain) * grain
  end <- floor(end / grain) * grain
  data.frame(time = pmin(time, end), event = as.integer(time <= end))
}
landmark <- function(fit, day) {
  # Without extend = TRUE there is no row after the last time, unless survival has come to 0.
  found <- suppressWarnings(tryCatch(summary(fit, times = day), error = function(e) NULL))
  last <- max(fit$time)
  if (is.null(found) || length(found$surv) == 0) {
    return(if (min(fit$surv) == 0 && day > last) c(0, NA, NA, 0) else c(NA, NA, NA, 0))
  }
  limits <- if (found$surv > 0 && found$surv < 1) c(found$lower, found$upper) else c(NA, NA)
  c(found$surv, limits, found$n.risk)
}
cox <- function(data) {
  # Infinite coefficients are told by R's own warning, at its own tolerance; the values are then fitted more tightly.
  infinite <- FALSE
  quick <- withCallingHandlers(
    tryCatch(coxph(Surv(time, event) ~ arm, data, ties = "efron"), error = function(e) NULL),
    warning = function(w) { infinite <<- TRUE; invokeRestart("muffleWarning") })
  if (is.null(quick) || infinite || is.na(coef(quick))) return(rep(NA, 4))
  tight <- coxph.control(eps = 1e-13, iter.max = 100)
  fit <- summary(suppressWarnings(coxph(Surv(time, event) ~ arm, data, ties = "efron", control = tight)))
  c(fit$conf.int[c(1, 3, 4)], fit$coefficients[5])
}
out <- sapply(1:600, function(i) {
  n <- sizes[[(i - 1) %% length(sizes) + 1]]
  base <- sample(c(0.001, 0.003, 0.006, 0.015), 1)
  ratio <- sample(c(0.1, 0.3, 0.7, 1, 2.5, 8), 1)
  cutoff <- sample(c(60, 90, 180), 1)
  followed <- sample(c("interim", "final"), 1)
  grain <- sample(c(1, 1, 7, 30), 1)
  arms <- list(draw(n[1], base, cutoff, followed, grain), draw(n[2], base * ratio, cutoff, followed, grain))
  data <- cbind(rbind(arms[[1]], arms[[2]]), arm = rep(0:1, n))
  test <- tryCatch(survdiff(Surv(time, event) ~ arm, data), error = function(e) NULL)
  known <- !is.null(test) && is.finite(test$chisq) && test$var[1, 1] > 1e-12
  lines <- sapply(arms, function(own) {
    fit <- survfit(Surv(time, event) ~ 1, own, conf.type = "log-log")
    q <- quantile(fit, c(.25, .5))
    sprintf('{"times":"%s","landmarks":[%s],"quantiles":[%s]}',
            paste0(own$time, ifelse(own$event == 1, "", "+"), collapse = " "),
            paste(sapply(c(90, 180), function(day) row(landmark(fit, day))), collapse = ","),
            paste(sapply(1:2, function(k) row(c(q$quantile[k], q$lower[k], q$upper[k]))), collapse = ","))
  })
  sprintf('{"arms":[%s],"logrank":%s,"cox":%s}', paste(lines, collapse = ","),
          row(if (known) c(test$chisq, pchisq(test$chisq, 1, lower.tail = FALSE)) else c(NA, NA)), row(cox(data)))
})
cat("[", paste(out, collapse = ",\n"), "]\n", sep = "")
