/* Tail probabilities and quantiles of the normal, t, F and chi-squared distributions. */
#ifndef MODELRUN_DIST_H
#define MODELRUN_DIST_H

/* P(|Z| > |z|) */
double normal_two_sided(double z);
/* the z with P(Z <= z) = q */
double normal_quantile(double q);
/* P(|T| > |t|), df > 0 */
double t_two_sided(double t, double df);
/* the t with P(T <= t) = q, 0.5 <= q < 1 */
double t_quantile(double q, double df);
/* P(F > f) */
double f_upper(double f, double df1, double df2);
/* P(X > x) for chi-squared */
double chi2_upper(double x, double df);
/* log gamma, x > 0, thread-safe */
long double log_gamma(long double x);

#endif
