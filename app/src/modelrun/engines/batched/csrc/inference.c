#include "inference.h"

#include <math.h>
#include <stdlib.h>

#include "dist.h"

#define REMEMBERED 8192

int quantiles_open(Quantiles *quantiles, double level)
{
    quantiles->level = level;
    quantiles->size = REMEMBERED;
    quantiles->normal = normal_quantile(1 - (1 - level) / 2);
    quantiles->by_df = malloc(REMEMBERED * sizeof(double));
    if (quantiles->by_df == NULL)
        return 0;
    for (int i = 0; i < REMEMBERED; ++i)
        quantiles->by_df[i] = NAN;
    return 1;
}

void quantiles_close(Quantiles *quantiles)
{
    free(quantiles->by_df);
    quantiles->by_df = NULL;
}

static double quantile(Quantiles *quantiles, double df)
{
    if (df < 0)
        return quantiles->normal;
    double upper = 1 - (1 - quantiles->level) / 2;
    int whole = df < quantiles->size ? (int)df : -1;
    if (whole < 0 || whole != df)
        return t_quantile(upper, df);
    if (isnan(quantiles->by_df[whole]))
        quantiles->by_df[whole] = t_quantile(upper, df);
    return quantiles->by_df[whole];
}

void infer(const Coefficients *out, long f, int p, const double *params, const double *variance,
           double df, Quantiles *quantiles)
{
    double q = out->low != NULL || out->high != NULL ? quantile(quantiles, df) : 0.0;
    for (int j = 0; j < p; ++j) {
        long at = f * p + j;
        double b = params[j], se = sqrt(variance[j]), t = b / se;
        if (out->params)
            out->params[at] = b;
        if (out->bse)
            out->bse[at] = se;
        if (out->statistic)
            out->statistic[at] = t;
        if (out->p_value)
            out->p_value[at] = df < 0 ? normal_two_sided(t) : t_two_sided(t, df);
        if (out->low)
            out->low[at] = b - q * se;
        if (out->high)
            out->high[at] = b + q * se;
    }
}

void infer_nothing(const Coefficients *out, long f, int p)
{
    double *const all[] = {out->params,  out->bse, out->statistic,
                           out->p_value, out->low, out->high};
    for (int k = 0; k < 6; ++k)
        if (all[k] != NULL)
            for (int j = 0; j < p; ++j)
                all[k][f * p + j] = NAN;
}

void infer_lost(const Coefficients *out, long f, int p, double *cov, long rows, double *one,
                double *other)
{
    infer_nothing(out, f, p);
    for (int k = 0; cov != NULL && k < p * p; ++k)
        cov[f * p * p + k] = NAN;
    for (long i = 0; i < rows; ++i) {
        if (one)
            one[i] = NAN;
        if (other)
            other[i] = NAN;
    }
}
