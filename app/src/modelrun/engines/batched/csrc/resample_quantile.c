/* Quantile regression of bootstrap replicates: each distinct row that was drawn, once, with its
 * count.  statsmodels' iteration on the drawn rows is the same iteration with every weight
 * multiplied by the count of its row; the linear program is that of the rows times their counts,
 * whose vertex is not degenerate, as that of rows that repeat themselves is.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "resample.h"
#include "vec.h"
#include "verdict.h"

/* The drawn ones of the distinct rows, side by side; `place` holds one number a pair. */
static void gather(QuantileWork *w, const Distinct *d, const double *pairs, ptrdiff_t *place)
{
    Rows *x = &w->rows;
    x->n = 0;
    x->total = 0.0;
    x->constants = 0;
    x->first_constant = -1;
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        if (pairs[i] == 0.0)
            continue;
        place[x->n] = d->pattern_of[i];
        x->y[x->n] = d->y[i];
        w->count[x->n] = pairs[i];
        x->root[x->n] = sqrt(pairs[i]);
        x->total += pairs[i];
        x->n += 1;
    }
    x->padded = PADDED(x->n);
    for (ptrdiff_t i = x->n; i < x->padded; ++i)
        x->y[i] = w->count[i] = x->root[i] = 0.0;
    for (int j = 0; j < d->p; ++j)
        rows_pick(x, d->x[j], place, j);
}

int resample_quantile(const Distinct *d, const Draw *draw, const int64_t *replicate,
                      ptrdiff_t fits, const QuantileOptions *options, const QuantileOutput *out)
{
    QuantileWork w = {0};
    Quantiles quantiles;
    if (!quantiles_open(&quantiles, options->level))
        return -1;
    double *pairs = aligned_doubles(d->pairs);
    ptrdiff_t *place = malloc(sizeof(ptrdiff_t) * (d->pairs + 1));
    int enough = quantile_open(&w, d->pairs, d->p, 1, options->exact) && pairs != NULL && place != NULL;
    for (ptrdiff_t f = 0; enough && f < fits; ++f) {
        unsigned reasons = 0;
        for (int k = 0; k < QUANT_COUNT; ++k)
            out->statistics[f * QUANT_COUNT + k] = NAN;
        draw_counts(draw, (uint64_t)replicate[f], d->rows, d->pair_of, d->pairs, pairs);
        gather(&w, d, pairs, place);
        int status = quantile_rows(&w, d->p, f, options, out, &quantiles, &reasons);
        if (status != OK && status != NOT_CONVERGED)
            infer_nothing(&out->coefficients, f, d->p);
        out->status[f] = (int8_t)status;
        out->reasons[f] = (uint16_t)reasons;
    }
    free(pairs);
    free(place);
    quantile_close(&w);
    quantiles_close(&quantiles);
    return enough ? 0 : -1;
}
