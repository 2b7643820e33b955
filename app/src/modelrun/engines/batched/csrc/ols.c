/* Least squares over many slices; see linear.c. */
#include "ols.h"

#include <math.h>
#include <string.h>

#include "vec.h"
#include "verdict.h"

static int fit_one(LinearWork *w, const Frame *frame, const int32_t *group, ptrdiff_t start,
                   ptrdiff_t stop, ptrdiff_t f, const LinearOptions *o, const LinearOutput *out,
                   Quantiles *quantiles, unsigned *reasons)
{
    int p = frame->p;
    Rows *x = &w->rows;
    double *s = out->statistics + f * LIN_COUNT;
    rows_gather(frame, start, stop, x);
    LinearMoments m = {.p = p,
                       .n = x->total,
                       .yy = vec_dot(x->y, x->y, x->padded),
                       .weighted = frame->weight != NULL,
                       .sum_log_weight = x->sum_log_weight};
    int status = linear_basis(w, p, o, &m, s, reasons);
    if (status != OK)
        return status;
    m.tss = m.yy;
    if (m.k_constant) {
        double total = 0.0, weights = 0.0, mean;
        for (ptrdiff_t i = 0; i < x->n; ++i) {
            double root = x->root ? x->root[i] : 1.0;
            total += x->y[i] * root;
            weights += root * root;
        }
        mean = total / weights;
        for (ptrdiff_t i = 0; i < x->n; ++i)
            w->z[i] = x->y[i] - mean * (x->root ? x->root[i] : 1.0);
        for (ptrdiff_t i = x->n; i < x->padded; ++i)
            w->z[i] = 0.0;
        m.tss = vec_dot(w->z, w->z, x->padded);
    }
    linear_gate(w, p, o, &m, s, reasons);
    if (out->resid != NULL || out->fitted != NULL) {
        ptrdiff_t i = 0;
        for (ptrdiff_t row = start; row < stop; ++row) {
            int kept = frame->keep == NULL || frame->keep[row];
            double root = kept && x->root ? x->root[i] : 1.0;
            double y = kept ? frame->y[row] : NAN, e = kept ? w->e[i] / root : NAN;
            if (root == 0.0) { /* a row of weight zero still has a residual */
                e = y;
                for (int j = 0; j < p; ++j)
                    e -= w->b[j] * (frame->x[j] ? frame->x[j][row] : 1.0);
            }
            if (out->resid)
                out->resid[row - start] = e;
            if (out->fitted)
                out->fitted[row - start] = y - e;
            i += kept;
        }
    }

    int kind = o->sandwich.covariance;
    if (kind == COV_HC2 || kind == COV_HC3) {
        vec_leverage(x->x, x->ld, p, w->h, x->padded);
        s[LIN_MIN_SLACK] = INFINITY;
        for (ptrdiff_t i = 0; i < x->n; ++i) {
            double slack = 1 - w->h[i];
            s[LIN_MIN_SLACK] = fmin(s[LIN_MIN_SLACK], slack);
            w->e[i] /= kind == COV_HC3 ? slack : sqrt(fmax(slack, 0.0));
        }
        linear_leverage_gate(w, p, s, reasons);
    }
    Clusters clusters = {group, frame->keep, start, stop, (int32_t)(f + 1), NULL};
    linear_publish(w, p, f, o, &m, &clusters, out, quantiles, reasons);
    return OK;
}

int ols_fit(const Frame *frame, const int32_t *group, int32_t groups, const int64_t *start,
            const int64_t *stop, ptrdiff_t fits, const LinearOptions *options,
            const LinearOutput *out)
{
    LinearWork w = {0};
    Quantiles quantiles;
    ptrdiff_t rows = longest(start, stop, fits);
    if (!quantiles_open(&quantiles, options->level))
        return -1;
    if (!linear_open(&w, rows, frame->p, &options->sandwich, groups, frame->weight != NULL)) {
        linear_close(&w);
        quantiles_close(&quantiles);
        return -1;
    }
    LinearOutput at = *out;
    for (ptrdiff_t f = 0; f < fits; ++f) {
        unsigned reasons = 0;
        double *s = out->statistics + f * LIN_COUNT;
        ptrdiff_t length = (ptrdiff_t)(stop[f] - start[f]);
        for (int k = 0; k < LIN_COUNT; ++k)
            s[k] = NAN;
        int status = fit_one(&w, frame, group, (ptrdiff_t)start[f], (ptrdiff_t)stop[f], f, options,
                             &at, &quantiles, &reasons);
        if (status != OK)
            infer_lost(&out->coefficients, f, frame->p, out->cov, length, at.fitted, at.resid);
        out->status[f] = (int8_t)status;
        out->reasons[f] = (uint16_t)reasons;
        if (at.resid)
            at.resid += length;
        if (at.fitted)
            at.fitted += length;
    }
    linear_close(&w);
    quantiles_close(&quantiles);
    return 0;
}
