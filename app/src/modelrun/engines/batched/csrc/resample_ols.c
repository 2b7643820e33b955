/* Least squares of bootstrap replicates: rows of one pattern become their mean with the root of
 * their number as weight, and what they differ among themselves is added to the residual sum of
 * squares.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dist.h"
#include "gate.h"
#include "qr.h"
#include "resample.h"
#include "vec.h"
#include "verdict.h"

typedef struct {
    double *q, *e, *root, *count, *sum, *pairs, *r, *inverse, *square, *c, *b, *variance, *scratch;
    ptrdiff_t ld;
} Work;

static double *take(double **next, size_t count)
{
    double *at = *next;
    *next += PADDED(count);
    return at;
}

static int fit_one(Work *w, const Distinct *d, ptrdiff_t f, const LinearOptions *o,
                   const LinearOutput *out, Quantiles *quantiles, unsigned *reasons)
{
    int p = d->p;
    ptrdiff_t padded = PADDED(d->patterns);
    double *s = out->statistics + f * LIN_COUNT;
    LinearMoments m = {.p = p, .k_constant = o->constant == CONSTANT_PRESENT};
    double total = 0.0, within = 0.0;
    ptrdiff_t distinct = 0;
    memset(w->count, 0, sizeof(double) * padded);
    memset(w->sum, 0, sizeof(double) * padded);
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        w->count[d->pattern_of[i]] += w->pairs[i];
        w->sum[d->pattern_of[i]] += w->pairs[i] * d->y[i];
        m.n += w->pairs[i];
        total += w->pairs[i] * d->y[i];
        m.yy += w->pairs[i] * d->y[i] * d->y[i];
        distinct += w->pairs[i] > 0;
    }
    s[LIN_NOBS] = m.n;
    if (m.n < p || m.n == 0) {
        *reasons |= REASON_TOO_SHORT;
        return TOO_SHORT;
    }
    if (!isfinite(m.yy)) {
        *reasons |= REASON_NON_FINITE;
        return NON_FINITE;
    }
    m.tss = m.yy;
    if (m.k_constant)
        m.tss = 0.0;
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        ptrdiff_t k = d->pattern_of[i];
        if (w->pairs[i] == 0.0)
            continue;
        double from_mean = d->y[i] - total / m.n, from_own = d->y[i] - w->sum[k] / w->count[k];
        if (m.k_constant)
            m.tss += w->pairs[i] * from_mean * from_mean;
        within += w->pairs[i] * from_own * from_own;
    }
    for (ptrdiff_t k = 0; k < d->patterns; ++k) {
        w->root[k] = sqrt(w->count[k]);
        w->e[k] = w->count[k] > 0 ? w->sum[k] / w->count[k] * w->root[k] : 0.0;
    }
    for (int j = 0; j < p; ++j) {
        double *column = w->q + j * w->ld;
        if (d->x[j] == NULL) {
            memcpy(column, w->root, sizeof(double) * padded);
            continue;
        }
        memcpy(column, d->x[j], sizeof(double) * d->patterns);
        vec_multiply(column, w->root, column, padded);
    }
    int rank = qr_orthonormalise(w->q, w->ld, p, padded, w->r, w->scratch);
    if (rank < p) {
        *reasons |= rank < 0 ? REASON_NON_FINITE : REASON_RANK;
        return rank < 0 ? NON_FINITE : RANK_DEFICIENT;
    }
    tri_inverse(w->r, p, w->inverse);
    qr_residual(w->q, w->ld, p, w->e, padded, w->c, w->scratch);
    m.ssr = vec_dot(w->e, w->e, padded) + within;
    linear_statistics(&m, s);
    Gate gate;
    *reasons |= gate_check(w->r, w->inverse, p, m.ssr, m.yy, o->exact_condition, w->square, &gate);
    s[LIN_CONDITION] = gate.condition;
    s[LIN_ETA] = gate.eta;
    if (distinct <= p)
        *reasons |= REASON_TOO_SHORT;
    tri_solve(w->r, p, w->c, w->b);
    for (int j = 0; j < p; ++j) {
        double sum = 0.0;
        for (int k = j; k < p; ++k)
            sum += TRI(w->inverse, p, j, k) * TRI(w->inverse, p, j, k);
        w->variance[j] = s[LIN_SCALE] * sum;
    }
    infer(&out->coefficients, f, p, w->b, w->variance, o->use_t ? s[LIN_DF_RESID] : -1.0,
          quantiles);
    if (o->robust_f)
        s[LIN_F_P] = f_upper(s[LIN_F], s[LIN_DF_MODEL], s[LIN_DF_RESID]);
    return OK;
}

int resample_ols(const Distinct *d, const Draw *draw, const int64_t *replicate, ptrdiff_t fits,
                 const LinearOptions *options, const LinearOutput *out)
{
    Work w;
    Quantiles quantiles;
    int p = d->p;
    size_t pp = PADDED((size_t)p * p);
    w.ld = PADDED(d->patterns);
    double *block = aligned_doubles(w.ld * (p + 4) + PADDED(d->pairs) + 3 * pp + 4 * PADDED(p + 1));
    double *next = block;
    if (!quantiles_open(&quantiles, options->level) || block == NULL) {
        free(block);
        quantiles_close(&quantiles);
        return -1;
    }
    w.q = take(&next, w.ld * p);
    w.e = take(&next, w.ld);
    w.root = take(&next, w.ld);
    w.count = take(&next, w.ld);
    w.sum = take(&next, w.ld);
    w.pairs = take(&next, d->pairs);
    w.r = take(&next, pp);
    w.inverse = take(&next, pp);
    w.square = take(&next, pp);
    w.c = take(&next, p + 1);
    w.b = take(&next, p + 1);
    w.variance = take(&next, p + 1);
    w.scratch = take(&next, p + 1);
    for (ptrdiff_t f = 0; f < fits; ++f) {
        unsigned reasons = 0;
        for (int k = 0; k < LIN_COUNT; ++k)
            out->statistics[f * LIN_COUNT + k] = NAN;
        draw_counts(draw, (uint64_t)replicate[f], d->rows, d->pair_of, d->pairs, w.pairs);
        int status = fit_one(&w, d, f, options, out, &quantiles, &reasons);
        if (status != OK)
            infer_nothing(&out->coefficients, f, p);
        out->status[f] = (int8_t)status;
        out->reasons[f] = (uint16_t)reasons;
    }
    free(block);
    quantiles_close(&quantiles);
    return 0;
}
