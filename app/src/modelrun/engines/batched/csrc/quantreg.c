/* Quantile regression: statsmodels' iterates (quantile_irls.c) or the optimum (frisch.c), and all
 * that follows from either.  Standard errors: Koenker and Bassett's sandwich with a kernel estimate
 * of the density.
 *
 * A row that stands several times has its weight multiplied by its count; the basis is of the rows
 * times the roots of the counts, so that its outer products are those of all rows.
 */
#include "quantreg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "constant.h"
#include "gate.h"
#include "ols.h"
#include "qr.h"
#include "vec.h"
#include "verdict.h"

#define SETTLED 1e-8   /* how far estimates of path and twin may be apart, ... */
#define CUT_OFF 1e-9   /* ... where the path was cut off on its way, ... */
#define IN_ROWS 1e-7   /* ... and fitted values, in bandwidths */
#define NO_DENSITY 1e-100 /* its square must not vanish */

int quantile_open(QuantileWork *w, ptrdiff_t rows, int p, int counted, int exact)
{
    Sandwich plain = {.covariance = COV_HC0};
    ptrdiff_t ld = PADDED(rows) + LANES;
    size_t pp = PADDED((size_t)p * p);
    int another = counted && exact ? p : 0;
    double *next = aligned_doubles(ld * (2 * p + another + 7 + 2 * counted) + 4 * pp +
                                   7 * PADDED(p + 1) + PADDED((size_t)REMEMBERED * p));
    w->block = next;
    w->stacked = malloc(sizeof(Stacked) * (rows + 1));
    if (next == NULL || w->stacked == NULL || !meat_open(&w->meat, rows, p, &plain, 0))
        return 0;
    w->rows.ld = ld;
    w->rows.x = take(&next, ld * p);
    w->rows.y = take(&next, ld);
    w->q = take(&next, ld * p);
    w->basis = take(&next, ld * another);
    double **const vectors[] = {&w->path.w,      &w->path.fitted, &w->twin.w,
                                &w->twin.fitted, &w->z,           &w->e};
    for (int k = 0; k < 6; ++k)
        *vectors[k] = take(&next, ld);
    w->rows.root = counted ? take(&next, ld) : NULL;
    w->count = counted ? take(&next, ld) : NULL;
    w->r = take(&next, pp);
    w->inverse = take(&next, pp);
    w->path.square = take(&next, pp);
    w->twin.square = take(&next, pp);
    double **const small[] = {&w->path.b, &w->path.old, &w->twin.b, &w->twin.old,
                              &w->c,      &w->variance, &w->scratch};
    for (int k = 0; k < 7; ++k)
        *small[k] = take(&next, p + 1);
    w->history = take(&next, (size_t)REMEMBERED * p);
    return !exact || frisch_open(&w->frisch, rows, p);
}

void quantile_close(QuantileWork *w)
{
    free(w->block);
    free(w->stacked);
    frisch_close(&w->frisch);
    meat_close(&w->meat);
}

/* The optimum on an orthonormal basis: coefficients, exact residuals and fitted values.  The check
 * loss of a row times its count is its loss that many times.
 */
static int optimum(QuantileWork *w, int p, const QuantileOptions *o, int *steps, unsigned *reasons)
{
    const Rows *x = &w->rows;
    const double *q = w->q, *r = w->r, *y = x->y;
    *steps = 0;
    if (w->count) {
        for (int j = 0; j < p; ++j)
            vec_multiply(x->x + j * x->ld, w->count, w->basis + j * x->ld, x->padded);
        vec_multiply(x->y, w->count, w->z, x->padded);
        if (qr_orthonormalise(w->basis, x->ld, p, x->padded, w->path.square, w->scratch) < p)
            return UNDETERMINED;
        q = w->basis;
        r = w->path.square;
        y = w->z;
    }
    int end = frisch_solve(&w->frisch, q, x->ld, p, y, x->n, x->padded, o->q, w->c, w->e, steps);
    if (end == FRISCH_LOST)
        return UNDETERMINED;
    if (end == FRISCH_NOT_UNIQUE)
        *reasons |= REASON_CONDITION;
    tri_solve(r, p, w->c, w->path.b);
    for (ptrdiff_t i = 0; i < x->n; ++i) {
        if (w->count)
            w->e[i] /= w->count[i];
        w->path.fitted[i] = x->y[i] - w->e[i];
    }
    return OK;
}

/* Whether the density, of bandwidth h, or the sandwich, which asks each residual for its sign, sees
 * what is nothing but rounding.
 */
static int density_is_rounding(const QuantileWork *w, int p, double h, const QuantileOptions *o)
{
    double rounding = quantile_rounding(w, p);
    double apart = o->check ? vec_apart(w->path.fitted, w->twin.fitted, w->rows.n) : 0.0;
    return apart > IN_ROWS * h || rounding > GATE_ETA * h ||
           (o->robust && o->q != 0.5 && quantile_signs_are_rounding(w, rounding));
}

int quantile_rows(QuantileWork *w, int p, ptrdiff_t f, const QuantileOptions *o,
                  const QuantileOutput *out, Quantiles *quantiles, unsigned *reasons)
{
    int iterations;
    Rows *x = &w->rows;
    double *s = out->statistics + f * QUANT_COUNT;
    ptrdiff_t n = x->n;
    s[QUANT_NOBS] = x->total;
    if (x->total < p || n == 0) {
        *reasons |= REASON_TOO_SHORT;
        return TOO_SHORT;
    }
    for (int j = 0; j < p; ++j) {
        memcpy(w->q + j * x->ld, x->x + j * x->ld, sizeof(double) * x->padded);
        if (x->root)
            vec_multiply(w->q + j * x->ld, x->root, w->q + j * x->ld, x->padded);
    }
    int rank = qr_orthonormalise(w->q, x->ld, p, x->padded, w->r, w->scratch);
    if (rank < 0 || !isfinite(vec_dot(x->y, x->y, x->padded))) {
        *reasons |= REASON_NON_FINITE;
        return NON_FINITE;
    }
    if (rank < p) {
        *reasons |= REASON_RANK;
        return RANK_DEFICIENT;
    }
    Gate gate;
    tri_inverse(w->r, p, w->inverse);
    gate_check(w->r, w->inverse, p, 1.0, 1.0, 1, w->path.square, &gate);
    s[QUANT_CONDITION] = gate.condition;
    /* X'WX is inverted by singular values: its condition is the square, scaling is not forgiven */
    s[QUANT_ETA] = MACHINE_EPS * gate.condition * (o->exact ? 1 : gate.condition);
    if (!(s[QUANT_ETA] <= GATE_ETA))
        *reasons |= REASON_CONDITION;
    int constant = x->constants > 0 ? x->first_constant >= 0 : 0;
    if (o->constant != CONSTANT_DETECT)
        constant = o->constant;
    else if (!constant) {
        constant = spans_constant(x, w->q, w->r, w->inverse, p, w->z, w->c, w->scratch);
        if (constant < 0)
            *reasons |= REASON_CONSTANT;
    }
    s[QUANT_K_CONSTANT] = constant > 0;
    s[QUANT_DF_MODEL] = p - s[QUANT_K_CONSTANT];
    s[QUANT_DF_RESID] = x->total - p;
    if (n <= p)
        *reasons |= REASON_TOO_SHORT;

    int status = o->exact ? optimum(w, p, o, &iterations, reasons)
                          : quantile_irls(w, p, o, &iterations, reasons);
    s[QUANT_ITERATIONS] = iterations;
    if (status != OK) {
        *reasons |= REASON_CONDITION;
        return status;
    }
    s[QUANT_CONVERGED] = !(*reasons & REASON_ITERATIONS);
    for (ptrdiff_t i = 0; i < n && !o->exact; ++i)
        w->e[i] = x->y[i] - w->path.fitted[i];
    Sample sample = {x->y, w->e, w->count, n, x->total, w->stacked};
    double h, density = sparsity_density(&sample, o->kernel, o->bandwidth, o->q, &h);
    s[QUANT_BANDWIDTH] = h;
    s[QUANT_SPARSITY] = 1.0 / density;
    s[QUANT_PSEUDO_R2] = sparsity_pseudo_r_squared(&sample, o->q);
    if (h <= 0 || density <= NO_DENSITY) /* NaN where q - bandwidth is below 0, there too */
        *reasons |= REASON_CONDITION;
    if (!o->exact && density_is_rounding(w, p, h, o))
        *reasons |= REASON_CONDITION;

    double factor = o->q * (1 - o->q) / (density * density);
    if (o->robust) {
        Rows basis = *x;
        Sandwich plain = {.covariance = COV_HC0};
        basis.x = w->q;
        for (ptrdiff_t i = 0; i < x->padded; ++i)
            w->z[i] = i >= n ? 0.0 : (w->e[i] > 0 ? o->q : 1 - o->q) / density;
        factor = meat_fill(&w->meat, &basis, w->z, p, &plain, NULL);
    } else {
        memset(w->meat.meat, 0, sizeof(double) * p * p);
        for (int j = 0; j < p; ++j)
            w->meat.meat[j * p + j] = 1.0;
    }
    meat_sandwich(&w->meat, w->inverse, p, factor);
    for (int j = 0; j < p; ++j) {
        w->variance[j] = w->meat.cov[j * p + j];
        double apart = o->check && !o->exact ? fabs(w->path.b[j] - w->twin.b[j]) : 0.0;
        double share = apart / fmax(fabs(w->path.b[j]), sqrt(w->variance[j]));
        s[QUANT_ETA] = fmax(s[QUANT_ETA], share);
        if (!(share <= (*reasons & REASON_ITERATIONS ? CUT_OFF : SETTLED)))
            *reasons |= REASON_CONDITION;
    }
    if (out->cov)
        memcpy(out->cov + f * p * p, w->meat.cov, sizeof(double) * p * p);
    infer(&out->coefficients, f, p, w->path.b, w->variance,
          o->use_t ? s[QUANT_DF_RESID] : -1.0, quantiles);
    return *reasons & REASON_ITERATIONS ? NOT_CONVERGED : OK;
}
