# Rscript tests/oracles/r_competing.R > tests/oracles/r_competing.json   (R 4.2.2, cmprsk 2.2-11)
library(cmprsk)
set.seed(16)
num <- function(x) paste0("[", paste(ifelse(is.na(x), "null", format(as.numeric(x), digits = 12, trim = TRUE)), collapse = ", "), "]")
case <- function(time, state) {
  fit <- cuminc(time, state)
  days <- sort(unique(time))
  at <- timepoints(fit, days)
  side <- function(part, cause) if (paste("1", cause) %in% rownames(part)) part[paste("1", cause), ] else rep(0, length(days))
  sprintf('{"time": %s, "state": %s, "days": %s, "first": %s, "second": %s, "var_first": %s, "var_second": %s}',
    num(time), num(state), num(days), num(side(at$est, 1)), num(side(at$est, 2)), num(side(at$var, 1)), num(side(at$var, 2)))
}
drawn <- sapply(1:16, function(i) {
  n <- sample(5:30, 1)
  case(sample(1:25, n, replace = TRUE), c(1, 2, sample(0:2, n - 2, replace = TRUE)))
})
ten <- case(c(10, 20, 20, 30, 40, 50, 60, 90, 90, 90), c(1, 2, 1, 0, 2, 1, 0, 0, 0, 0))
cat("[", paste(c(ten, drawn), collapse = ",\n"), "]\n")
