/* Least squares of bootstrap replicates: the drawn rows of one pattern become their mean with the
 * root of their weights as weight, and what they differ among themselves is added to the residual
 * sum of squares.  With W the weight of a pattern, q its row of the basis and w e the weighted
 * residuals of its rows, q / sqrt(W) is what they have in common: the meat of White (1980) is the
 * sum of q q' (sum of squares of w e) / W, a row's leverage w q'q / W, and the score of a pattern,
 * all rows of which are in one cluster, q times its own residual in the basis.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "resample.h"
#include "vec.h"
#include "verdict.h"

typedef struct {
    LinearWork linear;
    double *pairs;          /* counts of the pairs */
    double *logs;           /* of their weights, or NULL */
    double *weight, *mean;  /* of the patterns */
    ptrdiff_t *place, *row; /* pattern of a row, and row of a pattern */
    int32_t *group;         /* cluster of a row */
} Work;

static double weight_of(const Distinct *d, ptrdiff_t pair)
{
    return d->weight ? d->weight[pair] : 1.0;
}

/* Weights and means of the patterns, and moments; returns how many pairs were drawn. */
static ptrdiff_t collect(Work *w, const Distinct *d, LinearMoments *m)
{
    ptrdiff_t drawn = 0;
    double total = 0.0, weights = 0.0, n = 0.0, squares = 0.0, about_mean = 0.0, within = 0.0;
    memset(w->weight, 0, sizeof(double) * d->patterns);
    memset(w->mean, 0, sizeof(double) * d->patterns);
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        double weight = w->pairs[i] * weight_of(d, i);
        w->weight[d->pattern_of[i]] += weight;
        w->mean[d->pattern_of[i]] += weight * d->y[i];
        n += w->pairs[i];
        squares += weight * d->y[i] * d->y[i];
        drawn += w->pairs[i] > 0;
    }
    for (ptrdiff_t i = 0; w->logs && i < d->pairs; ++i)
        m->sum_log_weight += w->pairs[i] * w->logs[i];
    for (ptrdiff_t k = 0; k < d->patterns; ++k) {
        total += w->mean[k];
        weights += w->weight[k];
        w->mean[k] /= w->weight[k] > 0 ? w->weight[k] : 1.0;
    }
    double mean = weights > 0 ? total / weights : 0.0;
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        double weight = w->pairs[i] * weight_of(d, i);
        double from_mean = d->y[i] - mean, from_own = d->y[i] - w->mean[d->pattern_of[i]];
        about_mean += weight * from_mean * from_mean;
        within += weight * from_own * from_own;
    }
    m->n = n;
    m->yy = squares;
    m->about_mean = about_mean;
    m->within = within;
    return drawn;
}

/* The patterns that were drawn, side by side. */
static void gather(Work *w, const Distinct *d, double total)
{
    Rows *x = &w->linear.rows;
    ptrdiff_t n = 0;
    x->total = total;
    x->constants = 0;
    x->first_constant = -1;
    for (ptrdiff_t k = 0; k < d->patterns; ++k) {
        w->place[n] = k;
        w->row[k] = n;
        n += w->weight[k] > 0;
    }
    x->n = n;
    x->padded = PADDED(x->n);
    for (ptrdiff_t i = 0; i < n; ++i) {
        x->root[i] = sqrt(w->weight[w->place[i]]);
        x->y[i] = w->mean[w->place[i]] * x->root[i];
    }
    for (ptrdiff_t i = n; i < x->padded; ++i)
        x->y[i] = x->root[i] = 0.0;
    for (ptrdiff_t i = 0; d->group && i < n; ++i)
        w->group[i] = d->group[w->place[i]];
    for (int j = 0; j < d->p; ++j) {
        rows_pick(x, d->x[j], w->place, j);
        vec_multiply(x->x + j * x->ld, x->root, x->x + j * x->ld, x->padded);
    }
}

/* z[row] = root of the mean square of the weighted residuals, over 1 - h where the covariance asks;
 * the smallest 1 - h into *slack. */
static void sizes(Work *w, const Distinct *d, int kind, double *slack)
{
    LinearWork *l = &w->linear;
    Rows *x = &l->rows;
    int leveraged = kind == COV_HC2 || kind == COV_HC3;
    if (leveraged) {
        vec_leverage(x->x, x->ld, d->p, l->h, x->padded);
        *slack = INFINITY;
    }
    memset(l->z, 0, sizeof(double) * x->padded);
    for (ptrdiff_t i = 0; i < x->n; ++i) {
        w->mean[i] = (x->y[i] - l->e[i]) / x->root[i]; /* the fitted value, from here on */
        if (leveraged)
            l->h[i] /= x->root[i] * x->root[i];
    }
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        double count = w->pairs[i], weight = weight_of(d, i), own = 1.0;
        ptrdiff_t row = w->row[d->pattern_of[i]];
        if (count * weight == 0.0)
            continue;
        if (leveraged) {
            own = 1 - weight * l->h[row];
            *slack = fmin(*slack, own);
            own = kind == COV_HC3 ? own * own : fmax(own, 0.0);
        }
        weight *= d->y[i] - w->mean[row];
        l->z[row] += count * weight * weight / own;
    }
    for (ptrdiff_t i = 0; i < x->n; ++i)
        l->z[i] = sqrt(l->z[i]) / x->root[i];
}

static int fit_one(Work *w, const Distinct *d, ptrdiff_t f, const LinearOptions *o,
                   const LinearOutput *out, Quantiles *quantiles, unsigned *reasons)
{
    LinearWork *l = &w->linear;
    double *s = out->statistics + f * LIN_COUNT;
    int kind = o->sandwich.covariance;
    LinearMoments m = {.p = d->p, .weighted = d->weight != NULL};
    ptrdiff_t drawn = collect(w, d, &m);
    gather(w, d, m.n);
    int status = linear_basis(l, d->p, o, &m, s, reasons);
    if (status != OK)
        return status;
    m.tss = m.k_constant ? m.about_mean : m.yy;
    linear_gate(l, d->p, o, &m, s, reasons);
    if (drawn <= d->p)
        *reasons |= REASON_TOO_SHORT;
    if (kind != COV_NONROBUST) {
        sizes(w, d, kind, &s[LIN_MIN_SLACK]);
        if (kind == COV_HC2 || kind == COV_HC3)
            linear_leverage_gate(l, d->p, s, reasons);
    }
    Clusters clusters = {w->group, NULL, 0, l->rows.n, (int32_t)(f + 1), l->z};
    if (kind != COV_CLUSTER && kind != COV_NONROBUST)
        memcpy(l->e, l->z, sizeof(double) * l->rows.padded);
    linear_publish(l, d->p, f, o, &m, &clusters, out, quantiles, reasons);
    return OK;
}

static int work_open(Work *w, const Distinct *d, const LinearOptions *o)
{
    size_t patterns = (size_t)d->patterns + 1;
    w->pairs = aligned_doubles(2 * d->pairs);
    w->logs = d->weight ? w->pairs + d->pairs : NULL;
    w->weight = aligned_doubles(2 * patterns);
    w->place = malloc(sizeof(ptrdiff_t) * 2 * patterns);
    w->group = malloc(sizeof(int32_t) * patterns);
    if (!linear_open(&w->linear, d->patterns, d->p, &o->sandwich, d->groups, 1) || !w->pairs ||
        !w->weight || !w->place || !w->group)
        return 0;
    w->mean = w->weight + patterns;
    w->row = w->place + patterns;
    for (ptrdiff_t i = 0; w->logs && i < d->pairs; ++i)
        w->logs[i] = log(d->weight[i]);
    return 1;
}

static void work_close(Work *w)
{
    free(w->pairs);
    free(w->weight);
    free(w->place);
    free(w->group);
    linear_close(&w->linear);
}

int resample_ols(const Distinct *d, const Draw *draw, const int64_t *replicate, ptrdiff_t fits,
                 const LinearOptions *options, const LinearOutput *out)
{
    Work w = {0};
    Quantiles quantiles;
    if (!quantiles_open(&quantiles, options->level))
        return -1;
    int enough = work_open(&w, d, options);
    for (ptrdiff_t f = 0; enough && f < fits; ++f) {
        unsigned reasons = 0;
        for (int k = 0; k < LIN_COUNT; ++k)
            out->statistics[f * LIN_COUNT + k] = NAN;
        draw_counts(draw, (uint64_t)replicate[f], d->rows, d->pair_of, d->pairs, w.pairs);
        int status = fit_one(&w, d, f, options, out, &quantiles, &reasons);
        if (status != OK)
            infer_nothing(&out->coefficients, f, d->p);
        out->status[f] = (int8_t)status;
        out->reasons[f] = (uint16_t)reasons;
    }
    work_close(&w);
    quantiles_close(&quantiles);
    return enough ? 0 : -1;
}
