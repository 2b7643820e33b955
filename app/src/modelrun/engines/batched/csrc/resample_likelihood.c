/* Bootstrap replicates of GLM and discrete models.  After the first step the equations depend on the
 * counts and sums of responses of each pattern only, so that an iteration costs the distinct rows of
 * the design.  Steps are solved by Cholesky for the change of the coefficients, which
 * corrects itself; the iterates and stop tests are those of irls.c and newton.c.
 */
#include "replicate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cholesky.h"
#include "dist.h"
#include "gate.h"
#include "qr.h"
#include "vec.h"
#include "verdict.h"

#define RIDGE 1e-10

/* l = Cholesky factor of X' diag(weight) X / scale + ridge; 0 if singular */
static int factor(Replicate *w, const double *weight, double scale, double ridge)
{
    int p = w->d->p;
    double *l = w->l;
    vec_gram(w->x, w->ld, p, weight, w->padded, l);
    for (int j = 0; j < p; ++j) {
        for (int m = 0; m <= j; ++m)
            l[j * p + m] /= scale;
        l[j * p + j] += ridge;
    }
    return cholesky_factor(l, p, 1e-14);
}

/* g = (LL')^-1 X' score / scale */
static void solve(Replicate *w, const double *score, double scale)
{
    int p = w->d->p;
    vec_dots(w->x, w->ld, p, score, w->padded, w->g);
    for (int j = 0; j < p; ++j)
        w->g[j] /= scale;
    cholesky_solve(w->l, p, w->g);
}

static double first_of_family(Replicate *w, double mean, double *scale)
{
    const Distinct *d = w->d;
    const Family *family = w->family;
    int dispersed = family->name == GAUSSIAN || family->name == GAMMA;
    double pearson = 0.0;
    for (ptrdiff_t i = 0; i < d->pairs; ++i)
        w->pair_mu[i] = family->name == BINOMIAL ? (d->y[i] + 0.5) / 2 : (d->y[i] + mean) / 2;
    link_apply(family, w->pair_mu, w->pair_linear, d->pairs);
    link_slope(family, w->pair_mu, w->pair_linear, w->pair_slope, d->pairs);
    family_variance(family, w->pair_mu, w->pair_var, d->pairs);
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        double c = w->pairs[i], slope = w->pair_slope[i], e = d->y[i] - w->pair_mu[i];
        ptrdiff_t k = w->place[d->pattern_of[i]];
        if (c == 0.0)
            continue;
        double weight = c / (slope * slope * w->pair_var[i]);
        w->w[k] += weight;
        w->score[k] +=
            weight * (w->pair_linear[i] + slope * e - (w->offset ? w->offset[k] : 0.0));
        pearson += c * e * e / w->pair_var[i];
    }
    *scale = dispersed ? pearson / (w->n - d->p) : 1.0;
    return family_deviance(family, d->y, w->pair_mu, w->pairs, d->pairs) / *scale;
}

/* What the first regression of IRLS makes of a response: mean, weight, link and likelihood. */
typedef struct {
    double mu, weight, linear, explained;
} Start;

static Start start_of(const Replicate *w, double y, double mean)
{
    if (replicate_poisson(w)) {
        double mu = (y + mean) / 2, linear = log(mu);
        return (Start){mu, mu, linear, y * linear - mu};
    }
    double mu = (y + 0.5) / 2;
    return (Start){mu, mu * (1 - mu), log(mu / (1 - mu)),
                   y * log(mu + 1e-20) + (1 - y) * log(1 - mu + 1e-20)};
}

/* The first regression of IRLS sees each response: its weights and right side, summed by pattern.
 * Counts repeat themselves, and so do their logarithms.  Returns the deviance of the starting means.
 */
static double first_regression(Replicate *w, double *scale)
{
    const Distinct *d = w->d;
    double mean = w->total / w->n, dev = 0.0;
    Start small[SMALL_COUNTS];
    memset(w->w, 0, sizeof(double) * w->padded);
    memset(w->score, 0, sizeof(double) * w->padded);
    if (!w->simple)
        return first_of_family(w, mean, scale);
    for (int y = 0; y < SMALL_COUNTS; ++y)
        small[y].mu = NAN;
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        double c = w->pairs[i], y = d->y[i];
        ptrdiff_t k = w->place[d->pattern_of[i]];
        if (c == 0.0)
            continue;
        int known = small_count(y);
        if (known && isnan(small[(int)y].mu))
            small[(int)y] = start_of(w, y, mean);
        Start at = known ? small[(int)y] : start_of(w, y, mean);
        w->w[k] += c * at.weight;
        w->score[k] +=
            c * (at.weight * (at.linear - (w->offset ? w->offset[k] : 0.0)) + (y - at.mu));
        dev += c * (w->entropy[i] - at.explained);
    }
    return 2 * dev;
}

/* IRLS; leaves in l the factor at the weights of the last regression. */
static int irls_counts(Replicate *w, const LikelihoodOptions *o, Iterated *result)
{
    int p = w->d->p;
    result->scale = 1.0;
    result->deviance = first_regression(w, &result->scale);
    memset(w->b, 0, sizeof(double) * p);
    memset(w->linear, 0, sizeof(double) * w->padded);
    while (result->iterations < o->max_iterations && !result->converged) {
        if (!isfinite(result->deviance))
            return NON_FINITE;
        if (!factor(w, w->w, 1.0, 0.0))
            return RANK_DEFICIENT;
        solve(w, w->score, 1.0);
        for (int j = 0; j < p; ++j)
            w->b[j] += w->g[j];
        replicate_predict(w);
        result->iterations += 1;
        if (!replicate_evaluate(w, 0))
            return NON_FINITE;
        double before = result->deviance;
        result->deviance = replicate_deviance(w) / result->scale;
        result->scale = replicate_scale(w);
        result->change_before = result->change;
        result->change = fabs(before - result->deviance);
        result->converged = result->change <= o->tolerance;
    }
    return OK;
}

/* The first column that is the same, and not zero, in all rows that were drawn; -1 without one. */
static int constant_column(const Replicate *w)
{
    for (int j = 0; j < w->d->p; ++j) {
        const double *x = w->x + j * w->ld;
        if (is_constant(x, w->patterns) && x[0] != 0.0)
            return j;
    }
    return -1;
}

/* Newton's method; leaves in l the factor of the Hessian at the estimates. */
static int newton_counts(Replicate *w, const LikelihoodOptions *o, Iterated *result)
{
    int p = w->d->p, moving = 1, constant = replicate_poisson(w) ? constant_column(w) : -1;
    result->scale = 1.0;
    for (int j = 0; j < p; ++j)
        w->b[j] = constant >= 0 ? 0.001 : 0.0;
    if (constant >= 0) {
        double mean = w->total;
        if (w->offset) {
            mean = 0.0;
            for (ptrdiff_t k = 0; k < w->patterns; ++k)
                mean += w->sum[k] / exp(w->offset[k]);
        }
        w->b[constant] = log(mean / w->n);
    }
    replicate_predict(w);
    while (result->iterations < o->max_iterations && moving) {
        double largest = 0.0;
        if (!replicate_evaluate(w, 1))
            return UNDETERMINED;
        if (!factor(w, w->w, w->n, RIDGE))
            return UNDETERMINED;
        solve(w, w->score, w->n);
        for (int j = 0; j < p; ++j) {
            double old = w->b[j];
            w->b[j] = old + w->g[j];
            largest = fmax(largest, fabs(w->b[j] - old));
        }
        moving = largest > o->tolerance;
        result->change_before = result->change;
        result->change = largest;
        replicate_predict(w);
        result->iterations += 1;
        if (result->iterations >= 8 && replicate_separated(w))
            result->reasons |= REASON_SEPARATION;
    }
    result->converged = result->iterations < o->max_iterations;
    if (!replicate_evaluate(w, 1))
        return UNDETERMINED;
    return factor(w, w->w, 1.0, 0.0) ? OK : RANK_DEFICIENT;
}

static void statistics(Replicate *w, const LikelihoodOptions *o, const Iterated *result, double *s)
{
    int p = w->d->p;
    double scale = result->scale;
    s[LIK_DF_MODEL] = p - 1;
    s[LIK_DF_RESID] = s[LIK_DF_INFERENCE] = w->n - p;
    s[LIK_SCALE] = scale;
    s[LIK_ITERATIONS] = result->iterations;
    s[LIK_CONVERGED] = result->converged;
    if (!o->newton) {
        s[LIK_DEVIANCE] = replicate_deviance(w);
        s[LIK_PEARSON_CHI2] = replicate_pearson(w);
        if (o->family == GAUSSIAN && o->link == IDENTITY)
            scale = s[LIK_DEVIANCE] / w->n; /* the concentrated likelihood */
    }
    s[LIK_LOG_LIK] = replicate_log_lik(w, o->newton, scale);
    s[LIK_AIC] = -2 * s[LIK_LOG_LIK] + 2.0 * p;
    s[LIK_BIC] = -2 * s[LIK_LOG_LIK] + p * log(w->n);
    if (!o->null_model || w->offset != NULL)
        return;
    double mean = w->total / w->n;
    for (ptrdiff_t k = 0; k < w->patterns; ++k)
        w->mu[k] = mean;
    link_apply(w->family, w->mu, w->linear, w->patterns);
    if (!o->newton)
        s[LIK_NULL_DEVIANCE] = replicate_deviance(w);
    s[LIK_LL_NULL] = replicate_log_lik(w, o->newton, result->scale);
    if (o->newton) {
        s[LIK_LLR] = -2 * (s[LIK_LL_NULL] - s[LIK_LOG_LIK]);
        s[LIK_LLR_P] = chi2_upper(s[LIK_LLR], s[LIK_DF_MODEL]);
    }
    s[LIK_R2_MCFADDEN] = 1 - s[LIK_LOG_LIK] / s[LIK_LL_NULL];
    s[LIK_R2_COX_SNELL] = 1 - exp((s[LIK_LL_NULL] - s[LIK_LOG_LIK]) * (2 / w->n));
}

/* eta of the last regression of IRLS, whose response is the linear predictor plus residuals. */
static double regression_eta(Replicate *w, double condition)
{
    double fitted = 0.0;
    for (ptrdiff_t k = 0; k < w->patterns; ++k) {
        double linear = w->linear[k] - (w->offset ? w->offset[k] : 0.0);
        fitted += w->w[k] * linear * linear;
    }
    return MACHINE_EPS * condition * sqrt(1 + fitted / replicate_pearson(w));
}

static int fit_one(Replicate *w, ptrdiff_t f, const LikelihoodOptions *o,
                   const LikelihoodOutput *out, Quantiles *quantiles, unsigned *reasons)
{
    int p = w->d->p;
    double *s = out->statistics + f * LIK_COUNT;
    replicate_collect(w);
    s[LIK_NOBS] = w->n;
    if (w->n < p || w->n == 0) {
        *reasons |= REASON_TOO_SHORT;
        return TOO_SHORT;
    }
    Iterated result = {0};
    int status = o->newton ? newton_counts(w, o, &result) : irls_counts(w, o, &result);
    *reasons |= result.reasons;
    if (status != OK) {
        *reasons |= status == RANK_DEFICIENT ? REASON_RANK : REASON_NON_FINITE;
        return status;
    }
    for (int j = 0; j < p; ++j)
        for (int k = 0; k < p; ++k)
            TRI(w->r, p, k, j) = k <= j ? w->l[j * p + k] : 0.0;
    tri_inverse(w->r, p, w->inverse);
    s[LIK_CONDITION] = tri_norm(w->r, p) * tri_norm(w->inverse, p);
    /* normal equations: the square of the column-scaled condition number */
    s[LIK_ETA] = MACHINE_EPS * gate_scaled_square(w->r, w->inverse, p);
    if (!o->newton) /* statsmodels' pseudo-inverse is unscaled */
        s[LIK_ETA] = fmax(s[LIK_ETA], regression_eta(w, s[LIK_CONDITION]));
    if (!(s[LIK_ETA] <= GATE_ETA))
        *reasons |= REASON_CONDITION;
    if (!(s[LIK_CONDITION] < GATE_SCALE))
        *reasons |= REASON_SCALE_TRUNCATED;
    if (!result.converged)
        *reasons |= REASON_ITERATIONS;
    /* sums over patterns are larger than the deviance, and so is their rounding */
    if (o->newton ? newton_borderline(o, &result, w->b, p, s[LIK_ETA])
                  : irls_borderline(o, &result, w->n + fabs(w->constant), s[LIK_ETA]))
        *reasons |= REASON_BORDERLINE_STOP;
    if (replicate_separated(w))
        *reasons |= REASON_SEPARATION;
    s[LIK_SEPARATED] = (*reasons & REASON_SEPARATION) != 0;
    if (separation_unsure(w->family, replicate_nearest(w), w->x, w->ld, w->padded, w->inverse, p))
        *reasons |= REASON_CONDITION;
    statistics(w, o, &result, s);
    if (!isfinite(s[LIK_LOG_LIK]))
        *reasons |= REASON_NON_FINITE;
    if (likelihood_lost(w->family, result.scale) || likelihood_null_lost(s))
        *reasons |= REASON_CONDITION;
    for (int j = 0; j < p; ++j)
        w->variance[j] = result.scale * tri_row_square(w->inverse, p, j);
    infer(&out->coefficients, f, p, w->b, w->variance, o->use_t ? s[LIK_DF_RESID] : -1.0,
          quantiles);
    if (*reasons & REASON_SEPARATION)
        return SEPARATED;
    return *reasons & REASON_ITERATIONS ? NOT_CONVERGED : OK;
}

static void prepare(Replicate *w)
{
    const Distinct *d = w->d;
    double *ones = w->known, *y = ones + w->ld_pairs;
    for (int j = 0; j < d->p; ++j)
        for (ptrdiff_t k = 0; d->x[j] == NULL && k < d->patterns; ++k)
            w->x[j * w->ld + k] = 1.0;
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        ones[i] = 1.0;
        y[i] = d->y[i];
        if (!w->simple)
            continue;
        w->log_factorials[i] = log_factorial(w->family, y[i]);
        w->entropy[i] = y[i] > 0 ? y[i] * log(y[i]) : 0.0;
        if (replicate_poisson(w)) {
            w->entropy[i] -= y[i];
        } else {
            w->log_factorials[i] += log_factorial(w->family, 1 - y[i]);
            w->entropy[i] += y[i] < 1 ? (1 - y[i]) * log(1 - y[i]) : 0.0;
        }
    }
}

int resample_likelihood(const Distinct *d, const Draw *draw, const int64_t *replicate,
                        ptrdiff_t fits, const LikelihoodOptions *options,
                        const LikelihoodOutput *out)
{
    Replicate w = {.d = d, .ld = PADDED(d->patterns), .ld_pairs = PADDED(d->pairs)};
    Quantiles quantiles;
    Family family;
    int p = d->p;
    size_t pp = PADDED((size_t)p * p);
    double *block =
        aligned_doubles(w.ld * (p + 14) + 9 * w.ld_pairs + 3 * pp + 3 * PADDED(p + 1));
    double *next = block;
    if (!quantiles_open(&quantiles, options->level) || block == NULL) {
        free(block);
        quantiles_close(&quantiles);
        return -1;
    }
    family_open(&family, options->family, options->link, options->alpha);
    w.family = &family;
    w.x = take(&next, w.ld * p);
    w.simple = (family.name == POISSON && family.link == LOG) ||
               (family.name == BINOMIAL && family.link == LOGIT);
    w.offset = d->offset != NULL ? take(&next, w.ld) : NULL;
    w.drawn = (int32_t *)take(&next, w.ld);
    w.place = (int32_t *)take(&next, w.ld);
    double **const vectors[] = {&w.all_counts, &w.all_sums, &w.count, &w.sum,
                                &w.linear,     &w.previous, &w.mu,    &w.slope,
                                &w.var,        &w.w,        &w.score};
    for (int k = 0; k < 11; ++k)
        *vectors[k] = take(&next, w.ld);
    w.known = take(&next, 4 * w.ld_pairs);
    w.entropy = w.known + 2 * w.ld_pairs;
    w.log_factorials = w.entropy + w.ld_pairs;
    double **const pairs[] = {&w.pairs, &w.pair_mu, &w.pair_linear, &w.pair_slope, &w.pair_var};
    for (int k = 0; k < 5; ++k)
        *pairs[k] = take(&next, w.ld_pairs);
    double **const squares[] = {&w.l, &w.r, &w.inverse};
    for (int k = 0; k < 3; ++k)
        *squares[k] = take(&next, pp);
    double **const small[] = {&w.b, &w.g, &w.variance};
    for (int k = 0; k < 3; ++k)
        *small[k] = take(&next, p + 1);
    prepare(&w);
    for (ptrdiff_t f = 0; f < fits; ++f) {
        unsigned reasons = 0;
        for (int k = 0; k < LIK_COUNT; ++k)
            out->statistics[f * LIK_COUNT + k] = NAN;
        draw_counts(draw, (uint64_t)replicate[f], d->rows, d->pair_of, d->pairs, w.pairs);
        int status = fit_one(&w, f, options, out, &quantiles, &reasons);
        if (status != OK && status != SEPARATED && status != NOT_CONVERGED)
            infer_nothing(&out->coefficients, f, p);
        out->status[f] = (int8_t)status;
        out->reasons[f] = (uint16_t)reasons;
    }
    free(block);
    quantiles_close(&quantiles);
    return 0;
}
