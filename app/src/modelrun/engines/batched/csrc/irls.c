/* Iteratively reweighted least squares (Green 1984) with the stop test of statsmodels' GLM: the
 * change of the deviance, scaled by the previous estimate of the scale.  The standard errors belong
 * to the weights of the last regression, which are those before the last update of the means.
 */
#include <math.h>
#include <string.h>

#include "likelihood.h"
#include "qr.h"
#include "vec.h"
#include "verdict.h"

static double scale_of(const LikelihoodWork *w, const Family *family, const LikelihoodOptions *o,
                       double *variance)
{
    ptrdiff_t n = w->rows.n;
    double df = w->sum_freq - w->k;
    if (o->scale_type == SCALE_GIVEN)
        return o->scale;
    if (o->scale_type == SCALE_DEVIANCE)
        return family_deviance(family, w->rows.y, w->mu, w->weight, n) / df;
    int dispersed = family->name == GAUSSIAN || family->name == GAMMA;
    if (o->scale_type == SCALE_DEFAULT && !dispersed)
        return 1.0;
    double sum = 0.0;
    family_variance(family, w->mu, variance, n);
    for (ptrdiff_t i = 0; i < n; ++i) {
        double e = w->rows.y[i] - w->mu[i];
        sum += e * e * (w->weight ? w->weight[i] : 1.0) / variance[i];
    }
    return sum / df;
}

int irls_borderline(const LikelihoodOptions *o, const Iterated *result, double n, double eta)
{
    /* changes of the deviance were seen to differ by 6 % where eta is 1e-9, in proportion below */
    double noise = o->tolerance * (BORDERLINE + 2e8 * eta) + 1e-15 * (fabs(result->deviance) + n);
    /* an estimated scale moves in the first order with the estimates, the deviance does not */
    if (o->family == GAUSSIAN || o->family == GAMMA)
        noise += eta * fabs(result->deviance);
    if (!result->converged)
        return 1; /* iterates that do not settle amplify rounding */
    return fabs(result->change - o->tolerance) <= noise ||
           fabs(result->change_before - o->tolerance) <= noise;
}

static int perfect(const double *y, const double *mu, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        if (!(fabs(mu[i] - y[i]) <= 1e-8))
            return 0;
    return 1;
}

/* The weights and the working response of the next regression; 0 when one is not finite. */
static int reweigh(LikelihoodWork *w, const Family *family)
{
    ptrdiff_t n = w->rows.n;
    double check = 0.0;
    link_slope(family, w->mu, w->linear, w->slope, n);
    family_variance(family, w->mu, w->variance, n);
    for (ptrdiff_t i = 0; i < n; ++i) {
        double slope = w->slope[i], weight = w->weight ? w->weight[i] : 1.0;
        w->w[i] = weight * (1.0 / (slope * slope * w->variance[i]));
        w->z[i] =
            w->linear[i] + slope * (w->rows.y[i] - w->mu[i]) - (w->offset ? w->offset[i] : 0.0);
        check += 0.0 * sqrt(w->w[i]) + 0.0 * w->z[i];
    }
    return check == 0.0;
}

int irls(LikelihoodWork *w, const Family *family, const LikelihoodOptions *o, const double *start,
         Iterated *result)
{
    ptrdiff_t n = w->rows.n, padded = w->rows.padded;
    const double *y = w->rows.y;
    if (start != NULL) {
        vec_combine(w->design, w->rows.ld, w->k, start, w->linear, padded);
        for (ptrdiff_t i = 0; w->offset && i < n; ++i)
            w->linear[i] += w->offset[i];
        link_inverse(family, w->linear, w->mu, n);
    } else {
        family_start(family, y, w->count, w->mu, n);
        link_apply(family, w->mu, w->linear, n);
    }
    memset(result, 0, sizeof *result);
    result->scale = scale_of(w, family, o, w->variance);
    result->deviance = family_deviance(family, y, w->mu, w->weight, n) / result->scale;
    if (isnan(result->deviance)) {
        result->reasons = REASON_NON_FINITE;
        return result->status = NON_FINITE;
    }
    while (result->iterations < o->max_iterations && !result->converged) {
        if (!reweigh(w, family)) {
            result->reasons |= REASON_NON_FINITE;
            return result->status = NON_FINITE;
        }
        result->iterations += 1;
        int status = likelihood_factor(w, w->w);
        if (status != OK)
            return result->status = status;
        vec_multiply(w->z, w->slope, w->e, padded); /* slope holds the roots of the weights */
        result->yy = vec_dot(w->e, w->e, padded);
        qr_residual(w->q, w->rows.ld, w->k, w->e, padded, w->c, w->scratch);
        result->ssr = vec_dot(w->e, w->e, padded);
        tri_solve(w->r, w->k, w->c, w->b);
        memcpy(w->previous, w->linear, sizeof(double) * n);
        vec_combine(w->design, w->rows.ld, w->k, w->b, w->linear, padded);
        for (ptrdiff_t i = 0; w->offset && i < n; ++i)
            w->linear[i] += w->offset[i];
        link_inverse(family, w->linear, w->mu, n);
        double before = result->deviance;
        result->deviance = family_deviance(family, y, w->mu, w->weight, n) / result->scale;
        result->scale = scale_of(w, family, o, w->variance);
        if (perfect(y, w->mu, n))
            result->reasons |= REASON_SEPARATION;
        result->change_before = result->change;
        result->change = fabs(before - result->deviance);
        result->converged = result->change <= o->tolerance;
    }
    return result->status = OK;
}
