/* Quantile regression over many slices of a panel. */
#include <math.h>

#include "quantreg.h"
#include "verdict.h"

/* Fitted values and residuals of all rows of a slice, NaN in dropped ones. */
static void spread(const QuantileWork *w, const Frame *frame, ptrdiff_t start, ptrdiff_t stop,
                   const QuantileOutput *out)
{
    ptrdiff_t i = 0;
    for (ptrdiff_t row = start; row < stop; ++row) {
        int kept = frame->keep == NULL || frame->keep[row];
        if (out->fitted)
            out->fitted[row - start] = kept ? w->fitted[i] : NAN;
        if (out->resid)
            out->resid[row - start] = kept ? w->e[i] : NAN;
        i += kept;
    }
}

int quantile_fit(const Frame *frame, const int64_t *start, const int64_t *stop, ptrdiff_t fits,
                 const QuantileOptions *options, const QuantileOutput *out)
{
    QuantileWork w = {0};
    Quantiles quantiles;
    int p = frame->p;
    if (!quantiles_open(&quantiles, options->level))
        return -1;
    int enough = quantile_open(&w, longest(start, stop, fits), p, 0, options->exact);
    QuantileOutput at = *out;
    for (ptrdiff_t f = 0; enough && f < fits; ++f) {
        unsigned reasons = 0;
        ptrdiff_t length = (ptrdiff_t)(stop[f] - start[f]);
        for (int k = 0; k < QUANT_COUNT; ++k)
            out->statistics[f * QUANT_COUNT + k] = NAN;
        rows_gather(frame, (ptrdiff_t)start[f], (ptrdiff_t)stop[f], &w.rows);
        int status = quantile_rows(&w, p, f, options, out, &quantiles, &reasons);
        if (status == OK || status == NOT_CONVERGED) {
            spread(&w, frame, (ptrdiff_t)start[f], (ptrdiff_t)stop[f], &at);
        } else {
            infer_nothing(&out->coefficients, f, p);
            for (int k = 0; out->cov != NULL && k < p * p; ++k)
                out->cov[f * p * p + k] = NAN;
            for (ptrdiff_t i = 0; i < length; ++i) {
                if (at.fitted)
                    at.fitted[i] = NAN;
                if (at.resid)
                    at.resid[i] = NAN;
            }
        }
        out->status[f] = (int8_t)status;
        out->reasons[f] = (uint16_t)reasons;
        if (at.fitted)
            at.fitted += length;
        if (at.resid)
            at.resid += length;
    }
    quantile_close(&w);
    quantiles_close(&quantiles);
    return enough ? 0 : -1;
}
