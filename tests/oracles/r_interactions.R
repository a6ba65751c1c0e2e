# Rscript tests/oracles/r_interactions.R > tests/oracles/r_interactions.json   (R 4.2.2, survival 3.5-3)
library(survival)
set.seed(14)
num <- function(x) paste0("[", paste(as.integer(x), collapse = ", "), "]")
out <- sapply(1:14, function(i) {
  n <- sample(30:60, 1)
  levels <- sample(2:4, 1)
  # In the last cases a small group: an arm of it has no event, and hazards run to 0.
  group <- if (i > 9) sample(rep(1:levels, c(5, rep(n, levels - 1))), n) else sample(1:levels, n, replace = TRUE)
  treated <- rbinom(n, 1, 0.5)
  time <- pmin(ceiling(rexp(n, 0.02 * exp(-0.4 * treated + 0.3 * group))), 60)
  event <- as.integer(time < 60) * rbinom(n, 1, 0.8)
  a <- suppressWarnings(coxph(Surv(time, event) ~ treated + factor(group)))
  b <- suppressWarnings(coxph(Surv(time, event) ~ treated * factor(group)))
  sprintf('{"time": %s, "event": %s, "treated": %s, "group": %s, "chisq": %.10f, "df": %d}', num(time), num(event), num(treated),
    num(group), 2 * (b$loglik[2] - a$loglik[2]), sum(!is.na(coef(b))) - sum(!is.na(coef(a))))
})
cat("[", paste(out, collapse = ",\n"), "]\n")
