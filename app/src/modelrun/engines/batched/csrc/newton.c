/* Newton's method of statsmodels' discrete models: the mean Hessian gets a ridge of 1e-10, the stop
 * test is on every coefficient, and a fit that stops exactly at the last iteration counts as not
 * converged.
 */
#include <math.h>
#include <string.h>

#include "cholesky.h"
#include "likelihood.h"
#include "qr.h"
#include "vec.h"
#include "verdict.h"

#define RIDGE 1e-10
#define USUAL 8 /* iterations that ordinary data do not need */

/* Score factors in slope, weights of the Hessian in w, at the linear predictors. */
static int factors(LikelihoodWork *w, const Family *family)
{
    ptrdiff_t n = w->rows.n;
    const double *y = w->rows.y;
    double check = 0.0;
    link_inverse(family, w->linear, w->mu, n);
    for (ptrdiff_t i = 0; i < n; ++i) {
        double mu = w->mu[i], x = w->linear[i];
        if (family->link == PROBIT) {
            double q = 2 * y[i] - 1, density = exp(-x * x / 2.0) * 0.39894228040143267794;
            double p = 0.5 * erfc(-q * x * 0.70710678118654752440);
            double clipped = p < MACHINE_EPS       ? MACHINE_EPS
                             : p > 1 - MACHINE_EPS ? 1 - MACHINE_EPS
                                                   : p;
            double ratio = q * density / p;
            w->slope[i] = q * density / clipped;
            w->w[i] = ratio * (ratio + x);
        } else {
            w->slope[i] = y[i] - mu;
            w->w[i] = family->link == LOGIT ? mu * (1 - mu) : mu;
        }
        if (w->count) {
            w->slope[i] *= w->count[i];
            w->w[i] *= w->count[i];
        }
        check += 0.0 * w->slope[i] + 0.0 * w->w[i];
    }
    return check == 0.0;
}

/* step = (X'WX / n + ridge)^-1 X's / n, by Cholesky; 0 when it is not positive definite */
static int newton_step(LikelihoodWork *w)
{
    int k = w->k;
    ptrdiff_t padded = w->rows.padded, ld = w->rows.ld;
    double n = w->rows.total, *l = w->square;
    vec_gram(w->design, ld, k, w->w, padded, l);
    vec_dots(w->design, ld, k, w->slope, padded, w->step);
    for (int j = 0; j < k; ++j) {
        for (int m = 0; m <= j; ++m)
            l[j * k + m] /= n;
        l[j * k + j] += RIDGE;
        w->step[j] /= n;
    }
    if (!cholesky_factor(l, k, 0.0))
        return 0;
    cholesky_solve(l, k, w->step);
    return 1;
}

int newton_borderline(const LikelihoodOptions *o, const Iterated *result, const double *b, int k,
                      double eta)
{
    double noise = BORDERLINE * o->tolerance + eta * vec_largest(b, k);
    return fabs(result->change - o->tolerance) <= noise ||
           fabs(result->change_before - o->tolerance) <= noise;
}

static void predict(LikelihoodWork *w)
{
    vec_combine(w->design, w->rows.ld, w->k, w->b, w->linear, w->rows.padded);
    for (ptrdiff_t i = 0; w->offset && i < w->rows.n; ++i)
        w->linear[i] += w->offset[i];
}

int newton(LikelihoodWork *w, const Family *family, const LikelihoodOptions *o, const double *start,
           Iterated *result)
{
    int k = w->k, moving = 1;
    memset(result, 0, sizeof *result);
    result->scale = 1.0;
    memcpy(w->b, start, sizeof(double) * k);
    predict(w);
    while (result->iterations < o->max_iterations && moving) {
        double largest = 0.0;
        if (!factors(w, family) || !newton_step(w)) {
            result->reasons |= REASON_NON_FINITE;
            return result->status = UNDETERMINED;
        }
        for (int j = 0; j < k; ++j) {
            double old = w->b[j];
            w->b[j] = old + w->step[j];
            largest = fmax(largest, fabs(w->b[j] - old));
        }
        moving = largest > o->tolerance;
        result->change_before = result->change;
        result->change = largest;
        memcpy(w->previous, w->linear, sizeof(double) * w->rows.n);
        predict(w);
        result->iterations += 1;
        /* later the ridge bends the steps away from the direction of recession */
        if (result->iterations >= USUAL && likelihood_separated(w, family))
            result->reasons |= REASON_SEPARATION;
    }
    result->converged = result->iterations < o->max_iterations;
    if (!factors(w, family)) {
        result->reasons |= REASON_NON_FINITE;
        return result->status = UNDETERMINED;
    }
    memcpy(w->e, w->slope, sizeof(double) * w->rows.n);
    return result->status = likelihood_factor(w, w->w);
}
