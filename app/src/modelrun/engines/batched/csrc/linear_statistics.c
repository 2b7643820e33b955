/* Conventions of statsmodels' RegressionResults: adjusted R-squared, concentrated log-likelihood,
 * and information criteria that do not count the scale.
 */
#include <math.h>

#include "dist.h"
#include "ols.h"

#define PI 3.14159265358979323846

void linear_statistics(const LinearMoments *m, double *s)
{
    double n = m->n, df_resid = n - m->p, df_model = m->p - m->k_constant;
    double half = n / 2;
    s[LIN_NOBS] = n;
    s[LIN_K_CONSTANT] = m->k_constant;
    s[LIN_DF_MODEL] = df_model;
    s[LIN_DF_RESID] = df_resid;
    s[LIN_DF_INFERENCE] = df_resid;
    s[LIN_SSR] = m->ssr;
    s[LIN_SCALE] = m->ssr / df_resid;
    s[LIN_TSS] = m->tss;
    s[LIN_R_SQUARED] = 1 - m->ssr / m->tss;
    s[LIN_ADJ_R_SQUARED] = 1 - (n - m->k_constant) / df_resid * (1 - s[LIN_R_SQUARED]);
    if (m->weighted)
        s[LIN_LOG_LIK] =
            -log(m->ssr) * half - (1 + log(PI / half)) * half + 0.5 * m->sum_log_weight;
    else
        s[LIN_LOG_LIK] = -half * log(2 * PI) - half * log(m->ssr / n) - half;
    s[LIN_AIC] = -2 * s[LIN_LOG_LIK] + 2.0 * m->p;
    s[LIN_BIC] = -2 * s[LIN_LOG_LIK] + log(n) * m->p;
    s[LIN_F] = df_model > 0 ? (m->tss - m->ssr) / df_model / s[LIN_SCALE] : NAN;
    s[LIN_F_P] = NAN;
    s[LIN_MIN_SLACK] = NAN;
    s[LIN_CLUSTERS] = NAN;
}
