/* Quantile regression over many slices of a panel. */
#include <math.h>

#include "quantreg.h"
#include "verdict.h"

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
            rows_spread(w.path.fitted, frame->keep, start[f], stop[f], at.fitted);
            rows_spread(w.e, frame->keep, start[f], stop[f], at.resid);
        } else {
            infer_lost(&out->coefficients, f, p, out->cov, length, at.fitted, at.resid);
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
