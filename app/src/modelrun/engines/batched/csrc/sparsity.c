/* Koenker (2005), section 3.4; the bandwidths of Hall and Sheather (1988), Bofinger (1975) and
 * Chamberlain (1994), as statsmodels has them.
 */
#include "sparsity.h"

#include <math.h>
#include <stdlib.h>

#include "dist.h"

#define PI 3.14159265358979323846

static int ascending(const void *a, const void *b)
{
    double x = ((const Stacked *)a)->value, y = ((const Stacked *)b)->value;
    return (x > y) - (x < y);
}

static double count_of(const Sample *s, ptrdiff_t i)
{
    return s->count ? s->count[i] : 1.0;
}

static void stack(const Sample *s, const double *values)
{
    for (ptrdiff_t i = 0; i < s->n; ++i)
        s->stacked[i] = (Stacked){values[i], count_of(s, i)};
    qsort(s->stacked, (size_t)s->n, sizeof(Stacked), ascending);
}

/* Linear interpolation between order statistics of the stack, as scoreatpercentile does. */
static double percentile(const Sample *s, double share)
{
    const Stacked *at = s->stacked, *last = at + s->n - 1;
    double place = share * (s->total - 1), low = floor(place), above = place - low;
    double below = at->count; /* how many stand up to here */
    if (low >= s->total - 1)
        return last->value;
    while (below <= low)
        below += (++at)->count;
    return at->value * (1 - above) + (below > low + 1 ? at : at + 1)->value * above;
}

static double bandwidth(int rule, double n, double q)
{
    double z = normal_quantile(q), density = exp(-z * z / 2.0) / sqrt(2 * PI);
    double upper = normal_quantile(1.0 - 0.05 / 2.0);
    switch (rule) {
    case BOFINGER: {
        double twice = exp(-4 * z * z / 2.0) / sqrt(2 * PI);
        double num = 9.0 / 2 * pow(twice, 4), den = pow(2 * z * z + 1, 2);
        return pow(n, -1.0 / 5) * pow(num / den, 1.0 / 5);
    }
    case CHAMBERLAIN:
        return upper * sqrt(q * (1 - q) / n);
    default: {
        double num = 1.5 * density * density, den = 2.0 * z * z + 1.0;
        return pow(n, -1.0 / 3) * pow(upper, 2.0 / 3) * pow(num / den, 1.0 / 3);
    }
    }
}

static double kernel_density(int kernel, double u)
{
    double a = fabs(u);
    switch (kernel) {
    case BIWEIGHT:
        return a <= 1 ? 15.0 / 16 * (1 - u * u) * (1 - u * u) : 0.0;
    case COSINE:
        return a <= 0.5 ? 1 + cos(2 * PI * u) : 0.0;
    case GAUSS:
        return exp(-u * u / 2.0) / sqrt(2 * PI);
    case PARZEN:
        return a > 1      ? 0.0
               : a <= 0.5 ? 4.0 / 3 - 8.0 * u * u + 8.0 * a * a * a
                          : 8.0 * (1 - a) * (1 - a) * (1 - a) / 3.0;
    default:
        return a <= 1 ? 3.0 / 4 * (1 - u * u) : 0.0;
    }
}

double sparsity_density(const Sample *s, int kernel, int rule, double q, double *h)
{
    double mean = 0.0, square = 0.0, sum = 0.0;
    stack(s, s->e);
    double range = percentile(s, 0.75) - percentile(s, 0.25);
    for (ptrdiff_t i = 0; i < s->n; ++i)
        mean += count_of(s, i) * s->y[i];
    mean /= s->total;
    for (ptrdiff_t i = 0; i < s->n; ++i)
        square += count_of(s, i) * ((s->y[i] - mean) * (s->y[i] - mean));
    *h = bandwidth(rule, s->total, q);
    *h = fmin(sqrt(square / s->total), range / 1.34) *
         (normal_quantile(q + *h) - normal_quantile(q - *h));
    for (ptrdiff_t i = 0; i < s->n; ++i)
        sum += count_of(s, i) * kernel_density(kernel, s->e[i] / *h);
    return 1.0 / (s->total * *h) * sum;
}

static double check_loss(double e, double q)
{
    return e < 0 ? (q - 1) * e : q * e;
}

double sparsity_pseudo_r_squared(const Sample *s, double q)
{
    double loss = 0.0, reduced = 0.0;
    stack(s, s->y);
    double location = percentile(s, q);
    for (ptrdiff_t i = 0; i < s->n; ++i) {
        loss += count_of(s, i) * check_loss(s->e[i], q);
        reduced += count_of(s, i) * check_loss(s->y[i] - location, q);
    }
    return 1 - loss / reduced;
}
