/* From estimates and variances to statistics, p-values and intervals. */
#ifndef MODELRUN_INFERENCE_H
#define MODELRUN_INFERENCE_H

/* Output arrays of length fits * p, row-major; any may be NULL. */
typedef struct {
    double *params, *bse, *statistic, *p_value, *low, *high;
} Coefficients;

/* Quantiles of one confidence level, remembered by degrees of freedom. */
typedef struct {
    double level;
    double normal;
    double *by_df;
    int size;
} Quantiles;

int quantiles_open(Quantiles *quantiles, double level);
void quantiles_close(Quantiles *quantiles);

/* Fill the rows of fit `f`; variance holds p values; df < 0 means the normal distribution. */
void infer(const Coefficients *out, long f, int p, const double *params, const double *variance,
           double df, Quantiles *quantiles);

/* NaN in every row of fit `f`. */
void infer_nothing(const Coefficients *out, long f, int p);

/* NaN in all of fit `f`: its coefficients, its covariance among `cov`, and `rows` places of two
 * arrays by row; each of these arrays may be NULL.
 */
void infer_lost(const Coefficients *out, long f, int p, double *cov, long rows, double *one,
                double *other);

#endif
