#include "replicate.h"

#include <math.h>
#include <string.h>

#include "vec.h"
#include "verdict.h"

#define EXP_UPPER_LIMIT 708.78271289338397
#define ROOT_HALF 0.70710678118654752440
#define ROOT_TWO_PI_INVERSE 0.39894228040143267794
#define CLEAR 1e-6
#define AGAINST 1e-4

int replicate_poisson(const Replicate *w)
{
    return w->family->name == POISSON;
}

void replicate_collect(Replicate *w)
{
    const Distinct *d = w->d;
    double sums[4];
    ptrdiff_t drawn = 0;
    vec_dots(w->known, w->ld_pairs, 4, w->pairs, w->ld_pairs, sums);
    w->n = sums[0];
    w->total = sums[1];
    w->constant = sums[2];
    w->log_factorial = sums[3];
    memset(w->all_counts, 0, sizeof(double) * d->patterns);
    memset(w->all_sums, 0, sizeof(double) * d->patterns);
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        w->all_counts[d->pattern_of[i]] += w->pairs[i];
        w->all_sums[d->pattern_of[i]] += w->pairs[i] * d->y[i];
    }
    for (ptrdiff_t k = 0; k < d->patterns; ++k) {
        int is_drawn = w->all_counts[k] > 0.0;
        w->drawn[drawn] = (int32_t)k;
        w->count[drawn] = w->all_counts[k];
        w->sum[drawn] = w->all_sums[k];
        w->place[k] = is_drawn ? (int32_t)drawn : 0;
        drawn += is_drawn;
    }
    w->patterns = drawn;
    w->padded = PADDED(drawn);
    for (int j = 0; j < d->p; ++j)
        for (ptrdiff_t k = 0; d->x[j] != NULL && k < drawn; ++k)
            w->x[j * w->ld + k] = d->x[j][w->drawn[k]];
    for (ptrdiff_t k = 0; w->offset != NULL && k < drawn; ++k)
        w->offset[k] = d->offset[w->drawn[k]];
    for (ptrdiff_t k = drawn; k < w->padded; ++k)
        w->w[k] = w->score[k] = 0.0;
}

void replicate_pair_means(Replicate *w)
{
    for (ptrdiff_t i = 0; i < w->d->pairs; ++i)
        w->pair_mu[i] = w->mu[w->place[w->d->pattern_of[i]]];
}

double replicate_deviance(Replicate *w)
{
    double sum = w->constant;
    if (!w->simple) {
        replicate_pair_means(w);
        return family_deviance(w->family, w->d->y, w->pair_mu, w->pairs, w->d->pairs);
    }
    for (ptrdiff_t k = 0; k < w->patterns; ++k) {
        double n = w->count[k], s = w->sum[k], mu = w->mu[k];
        if (replicate_poisson(w))
            sum -= s * w->linear[k] - n * mu;
        else
            sum -= (s > 0 ? s * log(mu + 1e-20) : 0.0) +
                   (n - s > 0 ? (n - s) * log(1 - mu + 1e-20) : 0.0);
    }
    return 2 * sum;
}

static double clipped(double p)
{
    return p < MACHINE_EPS ? MACHINE_EPS : p > 1 - MACHINE_EPS ? 1 - MACHINE_EPS : p;
}

/* Newton's method of Probit: zeros and ones of a pattern have one score and one weight each. */
static void evaluate_probit(Replicate *w, ptrdiff_t k)
{
    double hits = w->sum[k], misses = w->count[k] - hits, x = w->linear[k];
    double density = exp(-x * x / 2.0) * ROOT_TWO_PI_INVERSE;
    double above = 0.5 * erfc(-x * ROOT_HALF), below = 0.5 * erfc(x * ROOT_HALF);
    double hit = hits > 0 ? density / above : 0.0, miss = misses > 0 ? -density / below : 0.0;
    w->mu[k] = above;
    w->w[k] = hits * hit * (hit + x) + misses * miss * (miss + x);
    w->score[k] = (hits > 0 ? hits * density / clipped(above) : 0.0) -
                  (misses > 0 ? misses * density / clipped(below) : 0.0);
}

static int evaluate_family(Replicate *w, int probit)
{
    ptrdiff_t patterns = w->patterns;
    double check = 0.0;
    if (!probit) {
        link_inverse(w->family, w->linear, w->mu, patterns);
        link_slope(w->family, w->mu, w->linear, w->slope, patterns);
        family_variance(w->family, w->mu, w->var, patterns);
    }
    for (ptrdiff_t k = 0; k < patterns; ++k) {
        double n = w->count[k], slope = w->slope[k], var = w->var[k];
        if (probit) {
            evaluate_probit(w, k);
        } else {
            w->w[k] = n / (slope * slope * var);
            w->score[k] = (w->sum[k] - n * w->mu[k]) / (slope * var);
        }
        check += 0.0 * sqrt(w->w[k]) + 0.0 * w->score[k];
    }
    return check == 0.0;
}

int replicate_evaluate(Replicate *w, int newton)
{
    const ptrdiff_t patterns = w->patterns;
    const int poisson = replicate_poisson(w);
    int64_t infinite = 0;
    if (!w->simple)
        return evaluate_family(w, newton);
    link_inverse(w->family, w->linear, w->mu, patterns);
    for (ptrdiff_t k = 0; k < patterns; ++k) {
        double n = w->count[k], mu = w->mu[k];
        double weight = n * (poisson ? mu : mu * (1 - mu));
        double score = w->sum[k] - n * mu;
        w->w[k] = weight;
        w->score[k] = score;
        infinite |= !(0.0 * weight + 0.0 * score == 0.0);
    }
    return !infinite;
}

void replicate_predict(Replicate *w)
{
    memcpy(w->previous, w->linear, sizeof(double) * w->padded);
    vec_combine(w->x, w->ld, w->d->p, w->b, w->linear, w->padded);
    for (ptrdiff_t k = 0; w->offset != NULL && k < w->patterns; ++k)
        w->linear[k] += w->offset[k];
}

int replicate_separated(const Replicate *w)
{
    int binary = w->family->name == BINOMIAL;
    double toward = 0.0, against = 0.0;
    if (!binary && !(w->family->link == LOG &&
                     (replicate_poisson(w) || w->family->name == NEGATIVE_BINOMIAL)))
        return 0;
    for (ptrdiff_t k = 0; k < w->patterns; ++k) {
        double step = w->linear[k] - w->previous[k];
        if (w->sum[k] == 0.0)
            step = -step;
        else if (!binary || w->sum[k] != w->count[k]) {
            against = fmax(against, fabs(step));
            continue;
        }
        toward = fmax(toward, step);
        against = fmax(against, -step);
    }
    return toward > CLEAR && against <= AGAINST * toward;
}

double replicate_nearest(const Replicate *w)
{
    double nearest = 1.0;
    for (ptrdiff_t k = 0; w->family->name == BINOMIAL && k < w->patterns; ++k) {
        if (w->sum[k] < w->count[k])
            nearest = fmin(nearest, w->mu[k]);
        if (w->sum[k] > 0)
            nearest = fmin(nearest, 1 - w->mu[k]);
    }
    return nearest;
}

static double log_lik_probit(const Replicate *w)
{
    double sum = 0.0;
    for (ptrdiff_t k = 0; k < w->patterns; ++k) {
        double hits = w->sum[k], misses = w->count[k] - hits, x = w->linear[k];
        if (hits > 0)
            sum += hits * log(fmax(0.5 * erfc(-x * ROOT_HALF), MACHINE_EPS));
        if (misses > 0)
            sum += misses * log(fmax(0.5 * erfc(x * ROOT_HALF), MACHINE_EPS));
    }
    return sum;
}

double replicate_log_lik(Replicate *w, int newton, double scale)
{
    double sum = -w->log_factorial;
    if (!w->simple && newton)
        return log_lik_probit(w);
    if (!w->simple) {
        replicate_pair_means(w);
        return family_log_lik(w->family, w->d->y, w->pair_mu, NULL, w->pairs, scale, w->d->pairs);
    }
    const double most = exp(EXP_UPPER_LIMIT); /* statsmodels' bound */
    for (ptrdiff_t k = 0; k < w->patterns; ++k) {
        double n = w->count[k], s = w->sum[k], x = w->linear[k], mu = w->mu[k];
        if (replicate_poisson(w))
            sum += s * (newton ? x : log(mu)) - n * (newton ? fmin(mu, most) : mu);
        else if (newton) {
            sum += s > 0 ? s * log(1 / (1 + exp(-x))) : 0.0;
            sum += n - s > 0 ? (n - s) * log(1 / (1 + exp(x))) : 0.0;
        } else
            sum += s * log((mu + 1e-20) / (1 - mu + 1e-20)) + n * log(1 - mu + 1e-20);
    }
    return sum;
}

double replicate_pearson(Replicate *w)
{
    double sum = 0.0;
    replicate_pair_means(w);
    family_variance(w->family, w->pair_mu, w->pair_var, w->d->pairs);
    for (ptrdiff_t i = 0; i < w->d->pairs; ++i) {
        double c = w->pairs[i], e = w->d->y[i] - w->pair_mu[i];
        if (c != 0.0)
            sum += c * e * e / w->pair_var[i];
    }
    return sum;
}

double replicate_scale(Replicate *w)
{
    int dispersed = w->family->name == GAUSSIAN || w->family->name == GAMMA;
    return dispersed ? replicate_pearson(w) / (w->n - w->d->p) : 1.0;
}
