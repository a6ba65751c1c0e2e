# Rscript tests/oracles/r_models.R tests/oracles/fev1.csv > tests/oracles/r_models.json
# R 4.2.2, nlme 3.1-162, emmeans 1.8.4. Each entry of the result names the calls it is made by.
suppressMessages({library(nlme); library(emmeans)})
file <- commandArgs(trailingOnly = TRUE)[1]
number <- function(x) ifelse(is.na(x) | is.nan(x), "null", formatC(x, digits = 10, format = "g", width = 1))
row <- function(x) paste0("[", paste(number(x), collapse = ","), "]")
named <- function(names, values) paste0("{", paste0('"', names, '":', values, collapse = ","), "}")
texts <- function(x) paste0("[", paste0('"', x, '"', collapse = ","), "]")
# estimate, standard error, degrees of freedom, limits, p
effects <- function(grid, label) {
  s <- as.data.frame(summary(grid, infer = c(TRUE, TRUE)))
  est <- s[[attr(summary(grid), "estName")]]
  lo <- grep("lower.CL", names(s), fixed = TRUE); hi <- grep("upper.CL", names(s), fixed = TRUE)
  named(label(s), sapply(seq_len(nrow(s)), function(i) row(c(est[i], s$SE[i], s$df[i], s[i, lo], s[i, hi], s$p.value[i]))))
}
by_arm <- function(s) as.character(s$arm)
compared <- function(s) sub(" - .*", "", as.character(s$contrast))

# --- ANCOVA with two factors: 26 subjects, unequal in everything
set.seed(31)
n <- 26
ancova <- data.frame(
  arm = factor(rep(c("P", "L", "M"), length.out = n), levels = c("P", "L", "M")),
  site = sample(c("01", "02", "03"), n, TRUE, c(.5, .3, .2)), sex = sample(c("F", "M"), n, TRUE, c(.3, .7)),
  base = round(rnorm(n, 22, 4), 1))
ancova$chg <- round(-.3 * (ancova$base - 22) - c(0, 1, 2.5)[ancova$arm] + (ancova$site == "02") + rnorm(n, 0, 1.5), 1)
fit <- lm(chg ~ arm + site + sex + base, ancova)
weighted <- function(w) {
  e <- emmeans(fit, "arm", weights = w)
  named(c("means", "differences"), c(effects(e, by_arm), effects(contrast(e, "trt.vs.ctrl", adjust = "none"), compared)))
}
e1 <- named(c("calls", "data", "equal", "observed"), c(
  texts(c("lm(chg ~ arm + site + sex + base)", "emmeans(fit, 'arm', weights = 'equal')", "emmeans(fit, 'arm', weights = 'proportional')",
          "contrast(e, 'trt.vs.ctrl', adjust = 'none')")),
  paste0("[", paste(sprintf('["%s","%s","%s",%s,%s]', ancova$arm, ancova$site, ancova$sex, ancova$base, ancova$chg), collapse = ","), "]"),
  weighted("equal"), weighted("proportional")))

# --- the same on the logarithm: geometric least-squares means and ratios
positive <- data.frame(arm = ancova$arm, base = round(exp(rnorm(n, 3, .9)), 2))
positive$value <- round(positive$base^.6 * exp(rnorm(n, c(1, .6, .2)[positive$arm], .7)), 2)
positive$change <- log10(positive$value) - log10(positive$base)
grid <- emmeans(lm(change ~ arm + lb, transform(positive, lb = log10(base))), "arm")
power <- function(grid, label) {
  s <- as.data.frame(summary(grid, infer = c(TRUE, TRUE)))
  est <- s[[attr(summary(grid), "estName")]]
  named(label(s), sapply(seq_len(nrow(s)), function(i) row(c(10^est[i], NA, s$df[i], 10^s$lower.CL[i], 10^s$upper.CL[i], s$p.value[i]))))
}
e2 <- named(c("calls", "data", "means", "differences"), c(
  texts(c("lm(log10(value) - log10(base) ~ arm + log10(base))", "10^ of emmeans(fit, 'arm') and of its contrasts 'trt.vs.ctrl'")),
  paste0("[", paste(sprintf('["%s",%s,%s]', positive$arm, positive$base, positive$value), collapse = ","), "]"),
  power(grid, by_arm), power(contrast(grid, "trt.vs.ctrl", adjust = "none"), compared)))

# --- repeated measures: FEV1 of fev1.csv by arm and visit, baseline by visit
fev <- read.csv(file)
fev <- transform(fev, visit = factor(AVISIT), arm = factor(ARMCD, levels = c("PBO", "TRT")), subject = factor(USUBJID),
                 time = as.integer(sub("VIS", "", AVISIT)))
fev <- fev[order(fev$subject, fev$time), ]
tight <- glsControl(maxIter = 500, msMaxIter = 500, tolerance = 1e-12, msTol = 1e-14, returnObject = TRUE)
model <- function(correlation, weights) {
  asked <- list(FEV1 ~ arm * visit + FEV1_BL * visit, data = fev, correlation = correlation, method = "REML", control = tight)
  f <- do.call(gls, c(asked, if (!is.null(weights)) list(weights = weights)))
  e <- emmeans(f, ~ arm | visit, mode = "df.error", data = fev)
  place <- function(s) paste(s$visit, by_arm(s))
  differ <- function(s) paste(s$visit, compared(s))
  named(c("minus2loglik", "means", "differences"), c(number(-2 * as.numeric(logLik(f))), effects(e, place),
        effects(contrast(e, "trt.vs.ctrl", adjust = "none"), differ)))
}
each <- varIdent(form = ~ 1 | visit)
e3 <- named(c("calls", "UN", "CSH", "ARH(1)", "CS"), c(
  texts(c("gls(FEV1 ~ arm * visit + FEV1_BL * visit, correlation = ..., weights = ..., method = 'REML')",
          "UN: corSymm(form = ~ time | subject), varIdent(form = ~ 1 | visit)", "CSH: corCompSymm, varIdent", "ARH(1): corAR1, varIdent",
          "CS: corCompSymm", "emmeans(fit, ~ arm | visit, mode = 'df.error'): of degrees of freedom, limits and p it knows nothing")),
  model(corSymm(form = ~ time | subject), each), model(corCompSymm(form = ~ time | subject), each),
  model(corAR1(form = ~ time | subject), each), model(corCompSymm(form = ~ time | subject), NULL)))

# --- complete data: at each visit the test of two means
ortho <- as.data.frame(nlme::Orthodont)
wide <- reshape(ortho, idvar = c("Subject", "Sex"), timevar = "age", direction = "wide")
tests <- sapply(c(8, 10, 12, 14), function(age) {
  t <- t.test(ortho$distance[ortho$age == age & ortho$Sex == "Female"], ortho$distance[ortho$age == age & ortho$Sex == "Male"], var.equal = TRUE)
  row(c(diff(rev(t$estimate)), t$stderr, t$parameter, t$conf.int, t$p.value))
})
e4 <- named(c("calls", "data", "differences"), c(
  texts(c("nlme::Orthodont: sex, distance at ages 8, 10, 12, 14", "t.test(Female, Male, var.equal = TRUE) at each age")),
  paste0("[", paste(sprintf('["%s",%s]', wide$Sex, apply(wide[, 3:6], 1, paste, collapse = ",")), collapse = ","), "]"),
  named(c(8, 10, 12, 14), tests)))

# --- geometric mean and coefficient of variation
values <- list(c(24, 7.1, 110, 0.75, 31), c(5, 5, 5), c(0.75, 0.75, 1200, 64, 8.8, 19), 12)
e5 <- paste0("[", paste(sapply(values, function(x) named(c("values", "mean", "cv", "lo", "hi"), c(
  row(x), number(exp(mean(log(x)))), number(100 * sqrt(exp(var(log(x))) - 1)),
  if (length(x) > 1 && var(x) > 0) number(exp(t.test(log(x))$conf.int)) else c("null", "null")))), collapse = ","), "]")

# --- Holm
p <- list(c(0.01, 0.04, 0.03, 0.005), c(0.02, 0.02, NA, 0.9), c(0.6, 0.7), NA, c(0.0213, 0.0403, 0.0403))
e6 <- paste0("[", paste(sapply(p, function(x) named(c("p", "holm"), c(row(x), row(p.adjust(x, "holm"))))), collapse = ","), "]")

# --- variances from 300 to 130,000 and correlations near 1: a simulated course in which the sick drop out
steep <- read.csv(file.path(dirname(file), "steep.csv"))
steep <- transform(steep, arm = factor(ARM, levels = c("P", "L", "M")), vis = factor(DAY), subject = factor(USUBJID))
steep <- transform(steep, time = as.integer(vis))
fit <- gls(CHG ~ arm * vis + BASE * vis, data = steep, correlation = corSymm(form = ~ time | subject),
           weights = varIdent(form = ~ 1 | vis), method = "REML", control = tight)
e8 <- named(c("calls", "minus2loglik", "differences"), c(
  texts("gls(CHG ~ arm * vis + BASE * vis, corSymm, varIdent, method = 'REML')"), number(-2 * as.numeric(logLik(fit))),
  effects(contrast(emmeans(fit, ~ arm | vis, mode = "df.error", data = steep), "trt.vs.ctrl", adjust = "none"),
          function(s) paste(s$vis, compared(s)))))

# --- one visit
one <- summary(lm(FEV1 ~ arm, subset(fev, AVISIT == "VIS1")))$coefficients[2, ]
e7 <- named(c("calls", "estimate", "se"), c(texts("lm(FEV1 ~ arm, subset(fev, AVISIT == 'VIS1'))"), number(one[1:2])))

cat("{", paste0('"', c("steep", "first_visit", "ancova", "log_ancova", "gls", "complete", "geometric", "holm"), '":', c(e8, e7, e1, e2, e3, e4, e5, e6), collapse = ",\n"), "}\n", sep = "")
