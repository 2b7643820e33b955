/* What generalized linear models and discrete models share: rows, statistics, covariances. */
#include "likelihood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dist.h"
#include "gate.h"
#include "qr.h"
#include "vec.h"
#include "verdict.h"

#define AT_RESPONSE 1e-14 /* statsmodels' observed Hessian divides by what is left of a probability */
#define EXP_UPPER_LIMIT 708.78271289338397

int likelihood_open(LikelihoodWork *w, ptrdiff_t rows, int p, const LikelihoodInputs *inputs,
                    int32_t groups, const LikelihoodOptions *options)
{
    memset(w, 0, sizeof *w);
    ptrdiff_t ld = PADDED(rows) + LANES;
    size_t pp = PADDED((size_t)p * p);
    double *next = aligned_doubles(ld * (2 * p + 15) + 3 * pp + 5 * PADDED(p + 1));
    w->block = next;
    if (!quantiles_open(&w->quantiles, options->level) || next == NULL ||
        !meat_open(&w->meat, rows, p, &options->sandwich, groups))
        return 0;
    family_open(&w->family, options->family, options->link, options->alpha);
    w->rows.ld = ld;
    w->rows.x = take(&next, ld * p);
    w->rows.y = take(&next, ld);
    w->offset = inputs->offset ? take(&next, ld) : NULL;
    w->count = inputs->count ? take(&next, ld) : NULL;
    w->freq = inputs->freq || inputs->count ? take(&next, ld) : NULL;
    w->var = inputs->var ? take(&next, ld) : NULL;
    w->weight = w->freq || w->var ? take(&next, ld) : NULL;
    double **const vectors[] = {&w->linear, &w->previous, &w->mu, &w->slope, &w->variance,
                                &w->w,      &w->z,        &w->e,  &w->ones};
    for (int k = 0; k < 9; ++k)
        *vectors[k] = take(&next, ld);
    w->q = take(&next, ld * p);
    w->r = take(&next, pp);
    w->inverse = take(&next, pp);
    w->square = take(&next, pp);
    double **const small[] = {&w->c, &w->b, &w->step, &w->scratch, &w->coefficient_variance};
    for (int k = 0; k < 5; ++k)
        *small[k] = take(&next, p + 1);
    return 1;
}

void likelihood_close(LikelihoodWork *w)
{
    free(w->block);
    meat_close(&w->meat);
    quantiles_close(&w->quantiles);
}

static void gather(LikelihoodWork *w, const Frame *frame, const LikelihoodInputs *inputs,
                   ptrdiff_t start, ptrdiff_t stop)
{
    rows_gather(frame, start, stop, &w->rows);
    ptrdiff_t n = w->rows.n, padded = w->rows.padded;
    w->design = w->rows.x;
    w->k = frame->p;
    w->sum_freq = (double)n;
    if (w->offset)
        rows_copy(inputs->offset, frame->keep, start, stop, w->offset);
    if (w->count) {
        rows_copy(inputs->count, frame->keep, start, stop, w->count);
        w->rows.total = 0.0;
        for (ptrdiff_t i = 0; i < n; ++i)
            w->rows.total += w->count[i];
    }
    if (inputs->freq)
        rows_copy(inputs->freq, frame->keep, start, stop, w->freq);
    if (w->freq) {
        w->sum_freq = 0.0;
        for (ptrdiff_t i = 0; i < n; ++i) {
            if (w->count)
                w->freq[i] = w->count[i] * (inputs->freq ? w->freq[i] : 1.0);
            w->sum_freq += w->freq[i];
        }
    }
    if (w->var)
        rows_copy(inputs->var, frame->keep, start, stop, w->var);
    if (w->weight)
        for (ptrdiff_t i = 0; i < n; ++i)
            w->weight[i] = (w->freq ? w->freq[i] : 1.0) * (w->var ? w->var[i] : 1.0);
    for (ptrdiff_t i = 0; i < padded; ++i)
        w->ones[i] = i < n;
    /* loops over n leave the padding alone; sums over `padded` need zeros there */
    double *const vectors[] = {w->linear, w->slope, w->w, w->z, w->e};
    for (int k = 0; k < 5; ++k)
        for (ptrdiff_t i = n; i < padded; ++i)
            vectors[k][i] = 0.0;
}

int likelihood_factor(LikelihoodWork *w, const double *weight)
{
    ptrdiff_t n = w->rows.n, padded = w->rows.padded, ld = w->rows.ld;
    for (ptrdiff_t i = 0; i < n; ++i)
        w->slope[i] = sqrt(weight[i]);
    for (int j = 0; j < w->k; ++j)
        vec_multiply(w->design + j * ld, w->slope, w->q + j * ld, padded);
    int rank = qr_orthonormalise(w->q, ld, w->k, padded, w->r, w->scratch);
    return rank == w->k ? OK : rank < 0 ? NON_FINITE : RANK_DEFICIENT;
}

int likelihood_lost(const Family *family, double scale)
{
    return family->name == GAMMA && !(MACHINE_EPS <= 1e-10 * scale);
}

int likelihood_null_lost(const double *s)
{
    return fabs(s[LIK_LL_NULL]) <= 1e-9 * s[LIK_NOBS];
}

double discrete_log_lik(const LikelihoodWork *w, const Family *family)
{
    double sum = 0.0;
    for (ptrdiff_t i = 0; i < w->rows.n; ++i) {
        double x = w->linear[i], y = w->rows.y[i], q = 2 * y - 1, one;
        if (family->name == POISSON) {
            one = -exp(fmin(x, EXP_UPPER_LIMIT)) + y * x - log_factorial(family, y);
        } else if (family->link == LOGIT) {
            one = log(1 / (1 + exp(-q * x)));
        } else {
            double p = 0.5 * erfc(-q * x * 0.70710678118654752440);
            one = log(p < MACHINE_EPS ? MACHINE_EPS : p);
        }
        sum += w->count ? w->count[i] * one : one;
    }
    return sum;
}

static int valid(const LikelihoodWork *w, const LikelihoodOptions *o)
{
    for (ptrdiff_t i = 0; o->newton && o->family == BINOMIAL && i < w->rows.n; ++i) {
        double y = w->rows.y[i];
        if (!(y >= 0 && y <= 1) || (o->link == PROBIT && y != 0 && y != 1))
            return 0;
    }
    return 1;
}

/* Starting values of Newton's method: zeros; Poisson with a constant has moments for it. */
static void newton_start(LikelihoodWork *w, const LikelihoodOptions *o, double *start)
{
    int constant = w->rows.constants > 0 ? w->rows.first_constant : -1;
    for (int j = 0; j < w->k; ++j)
        start[j] = 0.0;
    if (o->family != POISSON || constant < 0)
        return;
    double mean = 0.0;
    for (ptrdiff_t i = 0; i < w->rows.n; ++i)
        mean += w->rows.y[i] / (w->offset ? exp(w->offset[i]) : 1.0) *
                (w->count ? w->count[i] : 1.0);
    for (int j = 0; j < w->k; ++j)
        start[j] = 0.001;
    start[constant] = log(mean / w->rows.total);
}

/* Means of the model with a constant only, in w->mu, predictors in w->linear; 0 when none exist. */
static int null_means(LikelihoodWork *w, const Family *family, const LikelihoodOptions *o)
{
    ptrdiff_t n = w->rows.n;
    double total = 0.0, weights = 0.0, start = 0.0;
    Iterated result;
    if (w->offset == NULL || (o->newton && family->name == POISSON)) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            double weight = w->weight ? w->weight[i] : 1.0;
            total += weight * w->rows.y[i];
            weights += weight * (w->offset ? exp(w->offset[i]) : 1.0);
        }
        for (ptrdiff_t i = 0; i < n; ++i)
            w->mu[i] = total / weights * (w->offset ? exp(w->offset[i]) : 1.0);
        link_apply(family, w->mu, w->linear, n);
        return 1;
    }
    w->design = w->ones;
    w->k = 1;
    if (o->newton)
        return newton(w, family, o, &start, &result) == OK;
    for (ptrdiff_t i = 0; i < n; ++i)
        total += w->rows.y[i] * (w->count ? w->count[i] : 1.0);
    total /= w->rows.total;
    link_apply(family, &total, &start, 1);
    return irls(w, family, o, &start, &result) == OK;
}

static void null_statistics(LikelihoodWork *w, const Family *family, const LikelihoodOptions *o,
                            double *s)
{
    ptrdiff_t n = w->rows.n;
    if (!null_means(w, family, o))
        return;
    if (o->newton) {
        s[LIK_LL_NULL] = discrete_log_lik(w, family);
        s[LIK_LLR] = -2 * (s[LIK_LL_NULL] - s[LIK_LOG_LIK]);
        s[LIK_LLR_P] = chi2_upper(s[LIK_LLR], s[LIK_DF_MODEL]);
    } else {
        s[LIK_NULL_DEVIANCE] = family_deviance(family, w->rows.y, w->mu, w->weight, n);
        s[LIK_LL_NULL] = family_log_lik(family, w->rows.y, w->mu, w->var, w->freq, s[LIK_SCALE], n);
    }
    s[LIK_R2_MCFADDEN] = 1 - s[LIK_LOG_LIK] / s[LIK_LL_NULL];
    s[LIK_R2_COX_SNELL] = 1 - exp((s[LIK_LL_NULL] - s[LIK_LOG_LIK]) * (2 / w->rows.total));
}

static void model_statistics(LikelihoodWork *w, const Family *family, const LikelihoodOptions *o,
                             const Iterated *result, double *s)
{
    ptrdiff_t n = w->rows.n;
    const double *y = w->rows.y;
    s[LIK_DF_MODEL] = w->k - 1;
    s[LIK_DF_RESID] = s[LIK_DF_INFERENCE] = w->sum_freq - w->k;
    s[LIK_SCALE] = result->scale;
    s[LIK_ITERATIONS] = result->iterations;
    s[LIK_CONVERGED] = result->converged;
    if (o->newton) {
        s[LIK_LOG_LIK] = discrete_log_lik(w, family);
    } else {
        double scale = result->scale;
        s[LIK_DEVIANCE] = family_deviance(family, y, w->mu, w->weight, n);
        family_variance(family, w->mu, w->variance, n);
        s[LIK_PEARSON_CHI2] = 0.0;
        for (ptrdiff_t i = 0; i < n; ++i)
            s[LIK_PEARSON_CHI2] += (y[i] - w->mu[i]) * (y[i] - w->mu[i]) / w->variance[i] *
                                   (w->weight ? w->weight[i] : 1.0);
        if (family->name == GAUSSIAN && family->link == IDENTITY)
            scale = s[LIK_DEVIANCE] / w->sum_freq; /* the concentrated likelihood */
        s[LIK_LOG_LIK] = family_log_lik(family, y, w->mu, w->var, w->freq, scale, n);
    }
    s[LIK_AIC] = -2 * s[LIK_LOG_LIK] + 2.0 * w->k;
    s[LIK_BIC] = -2 * s[LIK_LOG_LIK] + w->k * log(w->sum_freq);
}

/* Rows of the scores in the basis of the final weights; the canonical link makes both Hessians one.
 */
static int final_basis(LikelihoodWork *w, const Family *family, const LikelihoodOptions *o)
{
    ptrdiff_t n = w->rows.n;
    if (!o->newton) {
        link_slope(family, w->mu, w->linear, w->slope, n);
        family_variance(family, w->mu, w->variance, n);
        for (ptrdiff_t i = 0; i < n; ++i) {
            double weight = w->weight ? w->weight[i] : 1.0;
            w->w[i] = weight / (w->slope[i] * w->slope[i] * w->variance[i]);
            w->e[i] = (w->rows.y[i] - w->mu[i]) / w->slope[i] / w->variance[i] * weight;
        }
        int status = likelihood_factor(w, w->w);
        if (status != OK)
            return status;
        tri_inverse(w->r, w->k, w->inverse);
    }
    for (ptrdiff_t i = 0; i < n; ++i) {
        if (w->freq && o->sandwich.covariance != COV_CLUSTER)
            w->e[i] /= sqrt(w->freq[i]);
        w->e[i] = w->e[i] == 0.0 ? 0.0 : w->e[i] / sqrt(w->w[i]);
    }
    return OK;
}

/* Mean square of what rounding of a mean is to a score: of the scores, times that of y to y - mu. */
static double rounding_of_scores(const LikelihoodWork *w)
{
    double responses = 0.0, residuals = 0.0, scores = 0.0;
    for (ptrdiff_t i = 0; i < w->rows.n; ++i) {
        double y = w->rows.y[i], residual = y - w->mu[i];
        responses += y * y;
        residuals += residual * residual;
        scores += w->e[i] * w->e[i];
    }
    return scores / (double)w->rows.n * (responses / residuals);
}

static int fit_one(LikelihoodWork *w, const Clusters *rows, const Frame *frame,
                   const LikelihoodInputs *inputs, ptrdiff_t f, const LikelihoodOptions *o,
                   const LikelihoodOutput *out, unsigned *reasons)
{
    const Family *family = &w->family;
    int p = frame->p;
    double *s = out->statistics + f * LIK_COUNT;
    gather(w, frame, inputs, rows->start, rows->stop);
    s[LIK_NOBS] = w->rows.total;
    if (w->rows.total < p || w->rows.n == 0) {
        *reasons |= REASON_TOO_SHORT;
        return TOO_SHORT;
    }
    if (!valid(w, o)) {
        *reasons |= REASON_NON_FINITE;
        return NON_FINITE;
    }
    Iterated result;
    Gate gate;
    int status;
    if (o->newton) {
        newton_start(w, o, w->c);
        status = newton(w, family, o, w->c, &result);
    } else {
        status = irls(w, family, o, NULL, &result);
    }
    *reasons |= result.reasons;
    s[LIK_ITERATIONS] = result.iterations;
    if (status != OK) {
        *reasons |= status == RANK_DEFICIENT ? REASON_RANK : REASON_NON_FINITE;
        return status;
    }
    tri_inverse(w->r, p, w->inverse);
    unsigned bad = gate_check(w->r, w->inverse, p, o->newton ? 1.0 : result.ssr,
                              o->newton ? 1.0 : result.yy, 0, w->square, &gate);
    if (o->newton) {
        /* the Hessian is inverted, and its condition is the square; scaling columns does no harm */
        gate.eta = MACHINE_EPS * gate_scaled_square(w->r, w->inverse, p);
        bad = gate.eta <= GATE_ETA ? 0 : REASON_CONDITION;
    }
    if (o->newton ? newton_borderline(o, &result, w->b, p, gate.eta)
                  : irls_borderline(o, &result, w->rows.total, gate.eta))
        bad |= REASON_BORDERLINE_STOP;
    *reasons |= bad;
    s[LIK_CONDITION] = gate.condition;
    s[LIK_ETA] = gate.eta;
    model_statistics(w, family, o, &result, s);
    if (w->rows.n == p)
        *reasons |= REASON_TOO_SHORT;
    if (!result.converged)
        *reasons |= REASON_ITERATIONS;
    if (likelihood_separated(w, family))
        *reasons |= REASON_SEPARATION;
    s[LIK_SEPARATED] = (*reasons & REASON_SEPARATION) != 0;
    double nearest = likelihood_nearest(w, family);
    if (separation_unsure(family, nearest, w->rows.x, w->rows.ld, w->rows.padded, w->inverse, p))
        *reasons |= REASON_CONDITION;
    if (!isfinite(s[LIK_LOG_LIK]) && !isnan(result.scale))
        *reasons |= REASON_NON_FINITE;
    if (likelihood_lost(family, result.scale))
        *reasons |= REASON_CONDITION;
    rows_spread(w->mu, frame->keep, rows->start, rows->stop, out->fitted);
    rows_spread(w->linear, frame->keep, rows->start, rows->stop, out->linear);

    int kind = o->sandwich.covariance, robust = kind != COV_NONROBUST && kind != COV_FIXED;
    if (robust) {
        if (!o->newton && nearest < AT_RESPONSE)
            *reasons |= REASON_CONDITION;
        status = final_basis(w, family, o);
        if (status != OK) {
            *reasons |= REASON_RANK;
            return status;
        }
        Rows basis = w->rows;
        basis.x = w->q;
        double factor = meat_fill(&w->meat, &basis, w->e, p, &o->sandwich, rows);
        if (kind == COV_CLUSTER) {
            s[LIK_CLUSTERS] = w->meat.clusters;
            if (w->meat.clusters < 2)
                *reasons |= REASON_CLUSTERS;
            if (o->sandwich.df_correction)
                s[LIK_DF_INFERENCE] = w->meat.clusters - 1;
        }
        meat_sandwich(&w->meat, w->inverse, p, factor);
        double eps = MACHINE_EPS * gate.condition;
        if (meat_cancels(&w->meat, w->r, w->inverse, p, factor, gate.eta + eps,
                         eps * eps * rounding_of_scores(w)))
            *reasons |= REASON_CONDITION;
    } else {
        memset(w->meat.meat, 0, sizeof(double) * p * p);
        for (int j = 0; j < p; ++j)
            w->meat.meat[j * p + j] = 1.0;
        meat_sandwich(&w->meat, w->inverse, p,
                      kind == COV_FIXED ? o->sandwich.fixed_scale : result.scale);
    }
    for (int j = 0; j < p; ++j)
        w->coefficient_variance[j] = w->meat.cov[j * p + j];
    if (out->cov != NULL)
        memcpy(out->cov + f * p * p, w->meat.cov, sizeof(double) * p * p);
    infer(&out->coefficients, f, p, w->b, w->coefficient_variance,
          o->use_t ? s[LIK_DF_INFERENCE] : -1.0, &w->quantiles);
    if (o->null_model)
        null_statistics(w, family, o, s);
    if (likelihood_null_lost(s))
        *reasons |= REASON_CONDITION;
    if (*reasons & REASON_SEPARATION)
        return SEPARATED;
    return *reasons & REASON_ITERATIONS ? NOT_CONVERGED : OK;
}

void likelihood_one(LikelihoodWork *w, const Clusters *rows, const Frame *frame,
                    const LikelihoodInputs *inputs, ptrdiff_t f, const LikelihoodOptions *options,
                    const LikelihoodOutput *out)
{
    unsigned reasons = 0;
    for (int k = 0; k < LIK_COUNT; ++k)
        out->statistics[f * LIK_COUNT + k] = NAN;
    int status = fit_one(w, rows, frame, inputs, f, options, out, &reasons);
    out->status[f] = (int8_t)status;
    out->reasons[f] = (uint16_t)reasons;
    if (status == OK || status == SEPARATED || status == NOT_CONVERGED)
        return;
    infer_lost(&out->coefficients, f, frame->p, out->cov, rows->stop - rows->start, out->fitted,
               out->linear);
}

int likelihood_fit(const Frame *frame, const LikelihoodInputs *inputs, const int32_t *group,
                   int32_t groups, const int64_t *start, const int64_t *stop, ptrdiff_t fits,
                   const LikelihoodOptions *options, const LikelihoodOutput *out)
{
    LikelihoodWork w;
    int enough =
        likelihood_open(&w, longest(start, stop, fits), frame->p, inputs, groups, options);
    LikelihoodOutput at = *out;
    for (ptrdiff_t f = 0; enough && f < fits; ++f) {
        Clusters rows = {group, frame->keep, (ptrdiff_t)start[f], (ptrdiff_t)stop[f],
                         (int32_t)(f + 1), NULL};
        likelihood_one(&w, &rows, frame, inputs, f, options, &at);
        if (at.fitted)
            at.fitted += stop[f] - start[f];
        if (at.linear)
            at.linear += stop[f] - start[f];
    }
    likelihood_close(&w);
    return enough ? 0 : -1;
}
