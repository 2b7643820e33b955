/* statsmodels' QuantReg: weighted least squares with weights 1 / |r rho_q| until no coefficient
 * moves by more than the tolerance (Hunter and Lange 2000 in spirit).  Its fixed point is not quite
 * the quantile solution, because residuals are kept 1e-6 from zero; the iterates are reproduced,
 * not the solution.
 *
 * Some paths are settled to 1e-15, others are decided by rounding: a residual within 1e-6 of zero
 * has a weight of 1 / q or 1 / (1 - q) by its sign, and where its sign is rounding, so is the path.
 * So a twin goes beside each path, disturbed at every step by more than the pseudo-inverse is wrong
 * that statsmodels solves the step with.  Where that could turn a sign or the stop, the fit is
 * handed over.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cholesky.h"
#include "quantreg.h"
#include "vec.h"
#include "verdict.h"

#define BORDER 1e-5 /* a stop that was passed or missed by less is a close call in any case, ... */
#define CLOSE_CALL 30 /* ... and one by less than so many times what the twin's moves differ */
#define MEMORY 0.9 /* of that difference from step to step: by chance a twin can move alike */
#define KEPT_FROM_ZERO 1e-6
#define ROUNDINGS 64 /* how many eps of its terms a residual of rounding alone may have */
#define INVERSE 0.25 /* noise in eps |A^-1| |X'Wy|: that of pinv was a tenth of it in 10,000 fits */
#define SUM 4 /* noise in eps |b| */

double quantile_rounding(const QuantileWork *w, int p)
{
    const Rows *x = &w->rows;
    double size = vec_largest(x->y, x->n);
    for (int j = 0; j < p; ++j)
        size += fabs(w->path.b[j]) * vec_largest(x->x + j * x->ld, x->n);
    return MACHINE_EPS * size;
}

int quantile_signs_are_rounding(const QuantileWork *w, double rounding)
{
    const Rows *x = &w->rows;
    for (ptrdiff_t i = 0; i < x->n; ++i)
        if (fabs(x->y[i] - w->path.fitted[i]) <= ROUNDINGS * rounding)
            return 1;
    return 0;
}

/* b = (X'WX)^-1 X'Wy by Cholesky; 0 when the matrix is not positive definite */
static int step(QuantileWork *w, Path *path, int p)
{
    const Rows *x = &w->rows;
    memcpy(path->old, path->b, sizeof(double) * p);
    vec_gram(x->x, x->ld, p, path->w, x->padded, path->square);
    vec_multiply(path->w, x->y, w->z, x->padded);
    vec_dots(x->x, x->ld, p, w->z, x->padded, path->b);
    path->size = vec_largest(path->b, p);
    if (!cholesky_factor(path->square, p, 0.0))
        return 0;
    cholesky_solve(path->square, p, path->b);
    return 1;
}

/* Of either sign, at least a half and at most one and a half; bits by the finaliser of MurmurHash3
 * (Appleby 2011), since what adds up over the steps must not cancel by design. */
static double at_random(int iteration, int j)
{
    uint32_t bits = (uint32_t)iteration * 64 + (uint32_t)j;
    bits = (bits ^ bits >> 16) * 0x85EBCA6Bu;
    bits = (bits ^ bits >> 13) * 0xC2B2AE35u;
    bits ^= bits >> 16;
    double size = 0.5 + (bits >> 1) * 0x1p-31;
    return bits & 1 ? size : -size;
}

/* An inverse A^-1 that was computed as a matrix is wrong by eps |A^-1| in every direction. */
static void disturb(QuantileWork *w, Path *path, int p, int iteration)
{
    double *v = w->scratch;
    for (int j = 0; j < p; ++j)
        v[j] = at_random(iteration, j) * path->size;
    cholesky_solve(path->square, p, v);
    double noise = MACHINE_EPS * (INVERSE * vec_largest(v, p) + SUM * vec_largest(path->b, p));
    for (int j = 0; j < p; ++j)
        path->b[j] += at_random(iteration, p + j) * noise;
}

static void reweigh(QuantileWork *w, Path *path, int p, double q)
{
    const Rows *x = &w->rows;
    path->moved = vec_apart(path->b, path->old, p);
    vec_combine(x->x, x->ld, p, path->b, path->fitted, x->padded);
    vec_check_weights(x->y, path->fitted, q, path->w, x->padded);
    if (w->count)
        vec_multiply(path->w, w->count, path->w, x->padded);
}

/* Whether b is one of the iterates two to nine steps back, bit for bit. */
static int cycles(const QuantileWork *w, int p, int iteration)
{
    for (int back = 1; back <= 8; ++back)
        if (memcmp(w->path.b, w->history + ((iteration - back) % REMEMBERED) * p,
                   sizeof(double) * p) == 0)
            return 1;
    return 0;
}

/* Whether noise of that size could have stopped the iteration here, or kept it from it. */
static int close_call(const Path *path, double noise, const QuantileOptions *o)
{
    return fabs(path->moved - o->tolerance) <= noise;
}

static void begin(QuantileWork *w, Path *path, int p)
{
    for (ptrdiff_t i = 0; i < w->rows.padded; ++i)
        path->w[i] = w->count ? w->count[i] : 1.0;
    for (int j = 0; j < p; ++j)
        path->b[j] = 1.0;
}

/* Whether the twin, at its step beside that of the path, could turn a sign or the stop. */
static int goes_elsewhere(QuantileWork *w, int p, const QuantileOptions *o, int iteration)
{
    Path *path = &w->path, *twin = &w->twin;
    int signs = o->q != 0.5; /* at the median either sign has the same weight, ... */
    if (!step(w, twin, p))
        return 1;
    disturb(w, twin, p, iteration);
    reweigh(w, twin, p, o->q);
    twin->apart = fmax(MEMORY * twin->apart, fabs(path->moved - twin->moved) / path->moved);
    return close_call(path, CLOSE_CALL * twin->apart * path->moved, o) ||
           vec_signs_turn(w->rows.y, path->fitted, twin->fitted, KEPT_FROM_ZERO,
                          signs ? 0.0 : KEPT_FROM_ZERO /* ... within that distance */,
                          w->rows.padded) ||
           (signs && iteration == 1 && quantile_signs_are_rounding(w, quantile_rounding(w, p)));
}

int quantile_irls(QuantileWork *w, int p, const QuantileOptions *o, int *iterations,
                  unsigned *reasons)
{
    Path *path = &w->path;
    int cycle = 0, elsewhere = 0;
    *iterations = 0;
    begin(w, path, p);
    begin(w, &w->twin, p);
    path->moved = INFINITY;
    w->twin.apart = 0.0;
    while (*iterations < o->max_iterations && path->moved > o->tolerance && !cycle) {
        int iteration = ++*iterations;
        if (!step(w, path, p))
            return UNDETERMINED;
        reweigh(w, path, p, o->q);
        if (close_call(path, BORDER * o->tolerance, o))
            *reasons |= REASON_BORDERLINE_STOP;
        memcpy(w->history + (iteration % REMEMBERED) * p, path->b, sizeof(double) * p);
        if (iteration >= 300 && iteration % 100 == 0)
            cycle = cycles(w, p, iteration);
        if (o->check && !elsewhere)
            elsewhere = goes_elsewhere(w, p, o, iteration);
    }
    if (elsewhere)
        *reasons |= REASON_CONDITION;
    if (cycle || *iterations == o->max_iterations)
        *reasons |= REASON_ITERATIONS;
    if (cycle)
        *reasons |= REASON_BORDERLINE_STOP;
    return OK;
}
