/* What all least squares share once the rows of a fit lie side by side: classical Gram-Schmidt twice,
 * every covariance in the Q basis.
 *
 * With X = QR (rows already multiplied by the roots of the weights), c = Q'y and e = y - Qc:
 * b = R^-1 c, Cov = R^-1 M R^-T, where M is s^2 I, or the sum of outer products of the rows of
 * Q * e, of Q * e / (1 - h), of their lagged products (Newey and West 1987), or of their sums by
 * cluster.  Working in Q keeps the digits that (X'X)^-1 X'... loses.  Conventions are statsmodels'.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "constant.h"
#include "dist.h"
#include "gate.h"
#include "ols.h"
#include "qr.h"
#include "vec.h"
#include "verdict.h"

int linear_open(LinearWork *w, ptrdiff_t rows, int p, const Sandwich *s, int32_t groups,
                int weighted)
{
    ptrdiff_t ld = PADDED(rows) + LANES;
    size_t pp = PADDED((size_t)p * p);
    double *next = aligned_doubles(ld * (p + 5) + 3 * pp + 4 * PADDED(p + 1));
    w->block = next;
    if (next == NULL || !meat_open(&w->meat, rows, p, s, groups))
        return 0;
    w->rows.ld = ld;
    w->rows.x = take(&next, ld * p);
    w->rows.y = take(&next, ld);
    w->rows.root = weighted ? take(&next, ld) : NULL;
    w->e = take(&next, ld);
    w->z = take(&next, ld);
    w->h = take(&next, ld);
    w->c = take(&next, p + 1);
    w->b = take(&next, p + 1);
    w->variance = take(&next, p + 1);
    w->scratch = take(&next, p + 1);
    w->r = take(&next, pp);
    w->inverse = take(&next, pp);
    w->square = take(&next, pp);
    return 1;
}

void linear_close(LinearWork *w)
{
    free(w->block);
    meat_close(&w->meat);
}

int linear_basis(LinearWork *w, int p, const LinearOptions *o, LinearMoments *m, double *s,
                 unsigned *reasons)
{
    Rows *x = &w->rows;
    s[LIN_NOBS] = m->n;
    if (m->n < p || m->n == 0) {
        *reasons |= REASON_TOO_SHORT;
        return TOO_SHORT;
    }
    if (!isfinite(m->yy)) {
        *reasons |= REASON_NON_FINITE;
        return NON_FINITE;
    }
    memcpy(w->e, x->y, sizeof(double) * x->padded);
    int rank = qr_orthonormalise(x->x, x->ld, p, x->padded, w->r, w->scratch);
    if (rank < p) {
        *reasons |= rank < 0 ? REASON_NON_FINITE : REASON_RANK;
        return rank < 0 ? NON_FINITE : RANK_DEFICIENT;
    }
    tri_inverse(w->r, p, w->inverse);
    m->constant_at = x->constants > 0 ? x->first_constant : -1;
    m->k_constant = o->constant == CONSTANT_ABSENT ? 0 : m->constant_at >= 0;
    if (o->constant == CONSTANT_PRESENT)
        m->k_constant = 1;
    else if (o->constant == CONSTANT_DETECT && m->constant_at < 0) {
        m->k_constant = spans_constant(x, x->x, w->r, w->inverse, p, w->z, w->c, w->scratch);
        if (m->k_constant < 0) {
            *reasons |= REASON_CONSTANT;
            m->k_constant = 0;
        }
    }
    qr_residual(x->x, x->ld, p, w->e, x->padded, w->c, w->scratch);
    m->ssr = vec_dot(w->e, w->e, x->padded) + m->within;
    tri_solve(w->r, p, w->c, w->b);
    return OK;
}

void linear_gate(LinearWork *w, int p, const LinearOptions *o, const LinearMoments *m, double *s,
                 unsigned *reasons)
{
    Gate gate;
    linear_statistics(m, s);
    *reasons |=
        gate_check(w->r, w->inverse, p, m->ssr, m->yy, o->exact_condition, w->square, &gate);
    s[LIN_CONDITION] = gate.condition;
    s[LIN_ETA] = gate.eta;
    if (m->n == p)
        *reasons |= REASON_TOO_SHORT;
}

void linear_leverage_gate(const LinearWork *w, int p, const double *s, unsigned *reasons)
{
    /* what rounding does to x'(X'X)^-1 x from a pseudo-inverse: kappa for the pseudo-inverse,
     * the square of the column-scaled kappa for the product */
    double error = MACHINE_EPS * (s[LIN_CONDITION] + gate_scaled_square(w->r, w->inverse, p));
    if (!(s[LIN_MIN_SLACK] >= GATE_LEVERAGE) || !(error <= GATE_ETA * s[LIN_MIN_SLACK]))
        *reasons |= REASON_LEVERAGE;
}

/* F = b'C^-1 b / J over the columns but the constant, by Cholesky on the correlation scale. */
static unsigned wald(LinearWork *w, int p, int skip, double df, double *statistics)
{
    int k = 0;
    double *l = w->square, *index = w->scratch, value = 0.0;
    for (int j = 0; j < p; ++j)
        if (j != skip)
            index[k++] = j;
    statistics[LIN_F] = statistics[LIN_F_P] = NAN;
    if (k == 0)
        return 0;
    double smallest = INFINITY, largest = 0.0, pivot = 1.0;
    for (int a = 0; a < k; ++a) {
        int ja = (int)index[a];
        double da = sqrt(w->meat.cov[ja * p + ja]), z = w->b[ja] / da;
        if (!(da > 0) || !isfinite(da))
            return REASON_WALD;
        smallest = fmin(smallest, da);
        largest = fmax(largest, da);
        for (int m = 0; m <= a; ++m) {
            int jm = (int)index[m];
            double s = w->meat.cov[ja * p + jm] / (da * sqrt(w->meat.cov[jm * p + jm]));
            for (int i = 0; i < m; ++i)
                s -= l[a * p + i] * l[m * p + i];
            l[a * p + m] = m < a ? s / l[m * p + m] : s;
        }
        if (!(l[a * p + a] > 1e-12))
            return REASON_WALD;
        pivot = fmin(pivot, l[a * p + a]);
        l[a * p + a] = sqrt(l[a * p + a]);
        for (int i = 0; i < a; ++i)
            z -= l[a * p + i] * w->variance[i];
        w->variance[a] = z / l[a * p + a];
        value += w->variance[a] * w->variance[a];
    }
    statistics[LIN_F] = value / k;
    statistics[LIN_F_P] = f_upper(value / k, k, df);
    double kappa = (largest / smallest) * (largest / smallest) / pivot;
    return kappa * MACHINE_EPS > 1e-10 ? REASON_WALD : 0;
}

void linear_publish(LinearWork *w, int p, ptrdiff_t f, const LinearOptions *o,
                    const LinearMoments *m, const Clusters *clusters, const LinearOutput *out,
                    Quantiles *quantiles, unsigned *reasons)
{
    double *s = out->statistics + f * LIN_COUNT;
    int kind = o->sandwich.covariance;
    int robust = kind != COV_NONROBUST && kind != COV_FIXED;
    if (robust) {
        double factor = meat_fill(&w->meat, &w->rows, w->e, p, &o->sandwich, clusters);
        if (kind == COV_CLUSTER) {
            s[LIN_CLUSTERS] = w->meat.clusters;
            if (w->meat.clusters < 2)
                *reasons |= REASON_CLUSTERS;
            if (o->sandwich.df_correction)
                s[LIN_DF_INFERENCE] = w->meat.clusters - 1;
        }
        meat_sandwich(&w->meat, w->inverse, p, factor);
        double eps = MACHINE_EPS * s[LIN_CONDITION];
        if (meat_cancels(&w->meat, w->r, w->inverse, p, factor, s[LIN_ETA] + eps,
                         eps * eps * m->yy / m->n))
            *reasons |= REASON_CONDITION;
        for (int j = 0; j < p; ++j)
            w->variance[j] = w->meat.cov[j * p + j];
    } else {
        if (kind == COV_FIXED)
            s[LIN_SCALE] = o->sandwich.fixed_scale;
        for (int j = 0; j < p; ++j)
            w->variance[j] = s[LIN_SCALE] * tri_row_square(w->inverse, p, j);
        if (out->cov != NULL || kind == COV_FIXED) {
            memset(w->meat.meat, 0, sizeof(double) * p * p);
            for (int j = 0; j < p; ++j)
                w->meat.meat[j * p + j] = 1.0;
            meat_sandwich(&w->meat, w->inverse, p, s[LIN_SCALE]);
        }
    }
    if (out->cov != NULL)
        memcpy(out->cov + f * p * p, w->meat.cov, sizeof(double) * p * p);
    infer(&out->coefficients, f, p, w->b, w->variance, o->use_t ? s[LIN_DF_INFERENCE] : -1.0,
          quantiles);
    if (kind == COV_NONROBUST) {
        if (o->robust_f)
            s[LIN_F_P] = f_upper(s[LIN_F], s[LIN_DF_MODEL], s[LIN_DF_RESID]);
    } else {
        s[LIN_F] = s[LIN_F_P] = NAN;
        if (o->robust_f && !(m->k_constant && m->constant_at < 0))
            *reasons |= wald(w, p, m->k_constant ? m->constant_at : -1, s[LIN_DF_INFERENCE], s);
    }
}
