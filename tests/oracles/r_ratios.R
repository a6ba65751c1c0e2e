# Rscript tests/oracles/r_ratios.R > tests/oracles/r_ratios.json
# R 4.2.2, nlme 3.1-162. A concentration of 27 subjects at three days, with missing values: models of log10 of the ratio to baseline,
# adjusted for log10 of the baseline, taken back. Means at the mean log10 baseline of the records of the model.
suppressMessages(library(nlme))
set.seed(612)
n <- 27; days <- c(28, 60, 90)
arm <- factor(rep(c("Placebo", "Low", "Medium"), length.out = n), levels = c("Placebo", "Low", "Medium"))
base <- round(exp(rnorm(n, 3, .8)), 1)
d <- do.call(rbind, lapply(seq_len(n), function(i) data.frame(
  subject = sprintf("S%02d", i), arm = arm[i], day = days, base = base[i],
  value = round(base[i]^.7 * exp(rnorm(1, 0, .4) + rnorm(3, c(.6, .3, .1), .3) - c(0, .2, .5)[arm[i]]), 1))))
d <- d[-sort(sample(nrow(d), 9)), ]
d$change <- log10(d$value) - log10(d$base); d$lb <- log10(d$base)
row <- function(x) paste0("[", paste(formatC(x, digits = 10, format = "g", width = 1), collapse = ","), "]")
# a value per key, as JSON
object <- function(keys, values) paste0("{", paste0('"', keys, '":', values, collapse = ","), "}")

# estimate, limits (and p) of means and differences, taken back
ancova <- sapply(days, function(day) {
  own <- d[d$day == day, ]
  fit <- lm(change ~ arm + lb, own)
  means <- predict(fit, data.frame(arm = levels(arm), lb = mean(own$lb)), interval = "confidence")
  differ <- cbind(coef(fit), confint(fit))[2:3, ]
  p <- summary(fit)$coefficients[2:3, 4]
  object(c("means", "ratios"), c(object(levels(arm), apply(10^means, 1, row)),
    object(levels(arm)[-1], sapply(1:2, function(i) row(c(10^differ[i, ], p[i]))))))
})
d$visit <- factor(d$day); d$time <- as.integer(d$visit)
tight <- glsControl(maxIter = 500, msMaxIter = 500, tolerance = 1e-12, msTol = 1e-14)
fit <- gls(change ~ 0 + visit:arm + visit:lb, d, correlation = corSymm(form = ~ time | subject), weights = varIdent(form = ~ 1 | visit),
           method = "REML", control = tight)
b <- coef(fit)
mmrm <- sapply(days, function(day) {
  mean_of <- function(a) b[[sprintf("visit%d:arm%s", day, a)]] + b[[sprintf("visit%d:lb", day)]] * mean(d$lb)
  m <- sapply(levels(arm), mean_of)
  object(c("means", "ratios"), c(object(levels(arm), 10^m), object(levels(arm)[-1], 10^(m[-1] - m[1]))))
})
data <- paste0("[", paste(sprintf('["%s","%s",%d,%s,%s]', d$subject, d$arm, d$day, d$base, d$value), collapse = ","), "]")
cat(object(c("data", "ancova", "mmrm", "minus2loglik"),
  c(data, object(days, ancova), object(days, mmrm), formatC(-2 * as.numeric(logLik(fit)), digits = 10, format = "g"))), "\n")
