#include "replicate.h"

#include <math.h>
#include <string.h>

#include "vec.h"

#define EXP_UPPER_LIMIT 708.78271289338397
#define CLEAR 1e-6
#define AGAINST 1e-4

int replicate_poisson(const Replicate *w)
{
    return w->family->name == POISSON;
}

void replicate_collect(Replicate *w)
{
    const Distinct *d = w->d;
    memset(w->count, 0, sizeof(double) * w->padded);
    memset(w->sum, 0, sizeof(double) * w->padded);
    w->n = w->total = w->constant = 0.0;
    for (ptrdiff_t i = 0; i < d->pairs; ++i) {
        double c = w->pairs[i];
        w->count[d->pattern_of[i]] += c;
        w->sum[d->pattern_of[i]] += c * d->y[i];
        w->n += c;
        w->total += c * d->y[i];
        w->constant += c * w->entropy[i];
    }
}

double replicate_deviance(const Replicate *w)
{
    double sum = w->constant;
    for (ptrdiff_t k = 0; k < w->d->patterns; ++k) {
        double n = w->count[k], s = w->sum[k], mu = w->mu[k];
        if (n == 0.0)
            continue;
        if (replicate_poisson(w))
            sum -= s * w->linear[k] - n * mu;
        else
            sum -= (s > 0 ? s * log(mu + 1e-20) : 0.0) +
                   (n - s > 0 ? (n - s) * log(1 - mu + 1e-20) : 0.0);
    }
    return 2 * sum;
}

int replicate_evaluate(Replicate *w)
{
    double check = 0.0;
    for (ptrdiff_t k = 0; k < w->d->patterns; ++k) {
        double n = w->count[k], x = w->linear[k];
        double mu = replicate_poisson(w) ? exp(x) : 1.0 / (1.0 + exp(-x));
        w->mu[k] = mu;
        w->w[k] = n * (replicate_poisson(w) ? mu : mu * (1 - mu));
        w->score[k] = n == 0.0 ? 0.0 : w->sum[k] - n * mu;
        check += 0.0 * w->w[k] + 0.0 * w->score[k];
    }
    return check == 0.0;
}

void replicate_predict(Replicate *w)
{
    memcpy(w->previous, w->linear, sizeof(double) * w->padded);
    vec_combine(w->x, w->ld, w->d->p, w->b, w->linear, w->padded);
    for (ptrdiff_t k = 0; w->d->offset && k < w->d->patterns; ++k)
        w->linear[k] += w->d->offset[k];
}

int replicate_separated(const Replicate *w)
{
    double toward = 0.0, against = 0.0;
    for (ptrdiff_t k = 0; k < w->d->patterns; ++k) {
        double step = w->linear[k] - w->previous[k];
        if (w->count[k] == 0.0)
            continue;
        if (w->sum[k] == 0.0)
            step = -step;
        else if (replicate_poisson(w) || w->sum[k] != w->count[k]) {
            against = fmax(against, fabs(step));
            continue;
        }
        toward = fmax(toward, step);
        against = fmax(against, -step);
    }
    return toward > CLEAR && against <= AGAINST * toward;
}

double replicate_log_lik(const Replicate *w, int newton)
{
    double sum = 0.0;
    for (ptrdiff_t i = 0; i < w->d->pairs; ++i)
        sum -= w->pairs[i] * w->log_factorials[i];
    for (ptrdiff_t k = 0; k < w->d->patterns; ++k) {
        double n = w->count[k], s = w->sum[k], x = w->linear[k], mu = w->mu[k];
        if (n == 0.0)
            continue;
        if (replicate_poisson(w))
            sum += s * (newton ? x : log(mu)) - n * (newton ? exp(fmin(x, EXP_UPPER_LIMIT)) : mu);
        else if (newton) {
            sum += s > 0 ? s * log(1 / (1 + exp(-x))) : 0.0;
            sum += n - s > 0 ? (n - s) * log(1 / (1 + exp(x))) : 0.0;
        } else
            sum += s * log((mu + 1e-20) / (1 - mu + 1e-20)) + n * log(1 - mu + 1e-20);
    }
    return sum;
}

double replicate_pearson(const Replicate *w)
{
    double sum = 0.0;
    for (ptrdiff_t i = 0; i < w->d->pairs; ++i) {
        double c = w->pairs[i], mu = w->mu[w->d->pattern_of[i]], e = w->d->y[i] - mu;
        if (c != 0.0)
            sum += c * e * e / (replicate_poisson(w) ? mu : mu * (1 - mu));
    }
    return sum;
}
