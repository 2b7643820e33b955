/* Conventions of statsmodels' RegressionResults: adjusted R-squared, concentrated log-likelihood,
 * information criteria that do not count the scale, and the gate of the equality contract.
 */
#include <math.h>

#include "dist.h"
#include "ols.h"
#include "qr.h"
#include "verdict.h"

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
        s[LIN_LOG_LIK] = -log(m->ssr) * half - (1 + log(PI / half)) * half + 0.5 * m->sum_log_weight;
    else
        s[LIN_LOG_LIK] = -half * log(2 * PI) - half * log(m->ssr / n) - half;
    s[LIN_AIC] = -2 * s[LIN_LOG_LIK] + 2.0 * m->p;
    s[LIN_BIC] = -2 * s[LIN_LOG_LIK] + log(n) * m->p;
    s[LIN_F] = df_model > 0 ? (m->tss - m->ssr) / df_model / s[LIN_SCALE] : NAN;
    s[LIN_F_P] = NAN;
    s[LIN_MIN_SLACK] = NAN;
    s[LIN_CLUSTERS] = NAN;
}

unsigned linear_gate(const double *r, const double *inverse, int p, double ssr, double yy, int exact,
                     double *statistics, double *scratch)
{
    /* the Frobenius norms bound kappa from above: exact singular values only where it matters */
    double kappa = tri_norm(r, p) * tri_norm(inverse, p);
    double per_kappa = MACHINE_EPS * sqrt(yy / ssr);
    if (exact || !(kappa * per_kappa <= GATE_ETA) || !(kappa < GATE_SCALE))
        kappa = tri_condition(r, p, scratch);
    statistics[LIN_CONDITION] = kappa;
    statistics[LIN_ETA] = kappa * per_kappa;
    unsigned reasons = 0;
    if (!(statistics[LIN_ETA] <= GATE_ETA))
        reasons |= REASON_CONDITION;
    /* squares of residuals must stay clear of the smallest and largest doubles */
    if (!(kappa < GATE_SCALE) || !(ssr > 1e-270 && yy < 1e270))
        reasons |= REASON_SCALE_TRUNCATED;
    return reasons;
}
