/* statsmodels' QuantReg: weighted least squares with weights 1 / |r rho_q| until no coefficient
 * moves by more than the tolerance (Hunter and Lange 2000 in spirit).  Its fixed point is not quite
 * the quantile solution, because residuals are kept 1e-6 from zero; the iterates are reproduced,
 * not the solution.  Standard errors: Koenker and Bassett's sandwich with a kernel estimate of the
 * density.  The other solver, frisch.c, goes to the optimum and shares all but the iteration.
 *
 * A row that stands several times has its weight multiplied by its count; the basis is of the rows
 * times the roots of the counts, so that its outer products are those of all rows.
 */
#include "quantreg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cholesky.h"
#include "constant.h"
#include "gate.h"
#include "ols.h"
#include "qr.h"
#include "vec.h"
#include "verdict.h"

#define BORDER 1e-5 /* linear convergence: stop tests are close calls more often, errors are 1e-9  \
                     */
#define REMEMBERED 10
#define NUDGE 1e-14
#define SETTLED 1e-8
#define NO_DENSITY 1e-100 /* its square must not vanish */
#define ROUNDINGS 64 /* how many eps of its terms a residual of rounding alone may have */

int quantile_open(QuantileWork *w, ptrdiff_t rows, int p, int counted, int exact)
{
    Sandwich plain = {.covariance = COV_HC0};
    ptrdiff_t ld = PADDED(rows) + LANES;
    size_t pp = PADDED((size_t)p * p);
    int another = counted && exact ? p : 0;
    double *next = aligned_doubles(ld * (2 * p + another + 6 + 2 * counted) + 3 * pp + 5 * PADDED(p + 1) +
                                   PADDED((size_t)REMEMBERED * p));
    w->block = next;
    w->stacked = malloc(sizeof(Stacked) * (rows + 1));
    if (next == NULL || w->stacked == NULL || !meat_open(&w->meat, rows, p, &plain, 0))
        return 0;
    w->rows.ld = ld;
    w->rows.x = take(&next, ld * p);
    w->rows.y = take(&next, ld);
    w->q = take(&next, ld * p);
    w->basis = take(&next, ld * another);
    double **const vectors[] = {&w->w, &w->z, &w->fitted, &w->e, &w->nudged};
    for (int k = 0; k < 5; ++k)
        *vectors[k] = take(&next, ld);
    w->rows.root = counted ? take(&next, ld) : NULL;
    w->count = counted ? take(&next, ld) : NULL;
    w->r = take(&next, pp);
    w->inverse = take(&next, pp);
    w->square = take(&next, pp);
    double **const small[] = {&w->c, &w->b, &w->old, &w->variance, &w->scratch};
    for (int k = 0; k < 5; ++k)
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

/* b = (X'WX)^-1 X'Wy by Cholesky; 0 when the matrix is not positive definite */
static int weighted_step(QuantileWork *w, int p)
{
    const Rows *x = &w->rows;
    vec_gram(x->x, x->ld, p, w->w, x->padded, w->square);
    vec_multiply(w->w, x->y, w->z, x->padded);
    vec_dots(x->x, x->ld, p, w->z, x->padded, w->b);
    if (!cholesky_factor(w->square, p, 0.0))
        return 0;
    cholesky_solve(w->square, p, w->b);
    return 1;
}

/* Whether b is one of the iterates two to nine steps back, bit for bit. */
static int cycles(const QuantileWork *w, int p, int iteration)
{
    for (int back = 1; back <= 8; ++back)
        if (memcmp(w->b, w->history + ((iteration - back) % REMEMBERED) * p, sizeof(double) * p) ==
            0)
            return 1;
    return 0;
}

static int iterate(QuantileWork *w, int p, const QuantileOptions *o, int *iterations, unsigned *reasons)
{
    const Rows *x = &w->rows;
    double moved = 10;
    int cycle = 0;
    *iterations = 0;
    for (ptrdiff_t i = 0; i < x->padded; ++i)
        w->w[i] = w->count ? w->count[i] : 1.0;
    for (int j = 0; j < p; ++j)
        w->b[j] = 1.0;
    while (*iterations < o->max_iterations && moved > o->tolerance && !cycle) {
        *iterations += 1;
        memcpy(w->old, w->b, sizeof(double) * p);
        if (!weighted_step(w, p))
            return UNDETERMINED;
        moved = 0.0;
        for (int j = 0; j < p; ++j)
            moved = fabs(w->b[j] - w->old[j]) > moved ? fabs(w->b[j] - w->old[j]) : moved;
        if (fabs(moved - o->tolerance) <= BORDER * o->tolerance)
            *reasons |= REASON_BORDERLINE_STOP;
        vec_combine(x->x, x->ld, p, w->b, w->fitted, x->padded);
        vec_check_weights(x->y, w->fitted, o->q, w->w, x->padded);
        if (w->count)
            vec_multiply(w->w, w->count, w->w, x->padded);
        memcpy(w->history + (*iterations % REMEMBERED) * p, w->b, sizeof(double) * p);
        if (*iterations >= 300 && *iterations % 100 == 0)
            cycle = cycles(w, p, *iterations);
    }
    if (cycle || *iterations == o->max_iterations)
        *reasons |= REASON_ITERATIONS;
    if (cycle)
        *reasons |= REASON_BORDERLINE_STOP;
    return OK;
}

/* The iterates amplify rounding by factors that nothing cheap predicts: some fits are settled to
 * 1e-15, some to 1e-6.  So each is run again on responses that differ in the last bits, and one
 * whose estimates do not stay is not settled.  Leaves the first run's estimates and fitted values
 * in place.
 */
static int unsettled(QuantileWork *w, int p, const QuantileOptions *o, int iterations)
{
    Rows *x = &w->rows;
    double *kept = w->c, *y = x->y;
    unsigned ignored = 0;
    int again, differs = 0;
    memcpy(kept, w->b, sizeof(double) * p);
    memcpy(w->e, w->fitted, sizeof(double) * x->padded);
    for (ptrdiff_t i = 0; i < x->padded; ++i)
        w->nudged[i] = y[i] * (1 + ((i * 2654435761u) >> 5 & 1 ? NUDGE : -NUDGE));
    x->y = w->nudged;
    if (iterate(w, p, o, &again, &ignored) != OK || again != iterations)
        differs = 1;
    x->y = y;
    for (int j = 0; j < p; ++j)
        w->variance[j] = w->b[j] - kept[j];
    memcpy(w->b, kept, sizeof(double) * p);
    memcpy(w->fitted, w->e, sizeof(double) * x->padded);
    return differs;
}

static double largest(const double *v, ptrdiff_t n)
{
    double found = 0.0;
    for (ptrdiff_t i = 0; i < n; ++i)
        found = fmax(found, fabs(v[i]));
    return found;
}

/* The size of what residuals are the differences of, so that their rounding is some eps of it. */
static double size_of_terms(const QuantileWork *w, int p)
{
    const Rows *x = &w->rows;
    double size = largest(x->y, x->n);
    for (int j = 0; j < p; ++j)
        size += fabs(w->b[j]) * largest(x->x + j * x->ld, x->n);
    return size;
}

/* Whether the density, of bandwidth h, or the sandwich sees what is nothing but rounding.  The sandwich
 * asks each residual for its sign: a row that a coefficient of its own fits has none.
 */
static int residuals_are_rounding(const QuantileWork *w, int p, double h, int robust)
{
    double rounding = MACHINE_EPS * size_of_terms(w, p);
    if (rounding > GATE_ETA * h)
        return 1;
    for (ptrdiff_t i = 0; robust && i < w->rows.n; ++i)
        if (fabs(w->e[i]) <= ROUNDINGS * rounding)
            return 1;
    return 0;
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
        if (qr_orthonormalise(w->basis, x->ld, p, x->padded, w->square, w->scratch) < p)
            return UNDETERMINED;
        q = w->basis;
        r = w->square;
        y = w->z;
    }
    int end = frisch_solve(&w->frisch, q, x->ld, p, y, x->n, x->padded, o->q, w->c, w->e, steps);
    if (end == FRISCH_LOST)
        return UNDETERMINED;
    if (end == FRISCH_NOT_UNIQUE)
        *reasons |= REASON_CONDITION;
    tri_solve(r, p, w->c, w->b);
    for (ptrdiff_t i = 0; i < x->n; ++i) {
        if (w->count)
            w->e[i] /= w->count[i];
        w->fitted[i] = x->y[i] - w->e[i];
    }
    return OK;
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
    gate_check(w->r, w->inverse, p, 1.0, 1.0, 1, w->square, &gate);
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
                          : iterate(w, p, o, &iterations, reasons);
    s[QUANT_ITERATIONS] = iterations;
    if (status != OK) {
        *reasons |= REASON_CONDITION;
        return status;
    }
    double *change = w->old;
    memset(change, 0, sizeof(double) * p);
    if (o->check && !o->exact) {
        if (unsettled(w, p, o, iterations))
            *reasons |= REASON_CONDITION;
        memcpy(change, w->variance, sizeof(double) * p);
    }
    s[QUANT_CONVERGED] = !(*reasons & REASON_ITERATIONS);
    for (ptrdiff_t i = 0; i < n && !o->exact; ++i)
        w->e[i] = x->y[i] - w->fitted[i];
    Sample sample = {x->y, w->e, w->count, n, x->total, w->stacked};
    double h, density = sparsity_density(&sample, o->kernel, o->bandwidth, o->q, &h);
    s[QUANT_BANDWIDTH] = h;
    s[QUANT_SPARSITY] = 1.0 / density;
    s[QUANT_PSEUDO_R2] = sparsity_pseudo_r_squared(&sample, o->q);
    if (h <= 0 || density <= NO_DENSITY) /* NaN where q - bandwidth is below 0, in statsmodels too */
        *reasons |= REASON_CONDITION;
    if (!o->exact && residuals_are_rounding(w, p, h, o->robust))
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
        double share = fabs(change[j]) / fmax(fabs(w->b[j]), sqrt(w->variance[j]));
        s[QUANT_ETA] = fmax(s[QUANT_ETA], share);
        if (!(share <= SETTLED))
            *reasons |= REASON_CONDITION;
    }
    if (out->cov)
        memcpy(out->cov + f * p * p, w->meat.cov, sizeof(double) * p * p);
    infer(&out->coefficients, f, p, w->b, w->variance, o->use_t ? s[QUANT_DF_RESID] : -1.0,
          quantiles);
    return *reasons & REASON_ITERATIONS ? NOT_CONVERGED : OK;
}
