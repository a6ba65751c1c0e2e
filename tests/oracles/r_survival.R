# Rscript tests/oracles/r_survival.R > tests/oracles/r_survival.json   (R 4.2.2, survival 3.5-3)
library(survival)
set.seed(1)
num <- function(x) paste0("[", paste(ifelse(is.na(x), "null", format(as.numeric(x), digits = 15, trim = TRUE)), collapse = ", "), "]")
out <- sapply(1:60, function(i) {
  n <- sample(4:25, 1)
  time <- sample(1:40, n, replace = TRUE)
  event <- rbinom(n, 1, 0.7)
  if (sum(event) == 0) event[1] <- 1
  fit <- survfit(Surv(time, event) ~ 1, conf.type = "log-log")
  q <- quantile(fit, c(.25, .5, .75))
  sprintf('{"time": %s, "event": %s, "q": %s, "lo": %s, "hi": %s}', num(time), num(event), num(q$quantile), num(q$lower), num(q$upper))
})
cat("[", paste(out, collapse = ",\n"), "]\n")
