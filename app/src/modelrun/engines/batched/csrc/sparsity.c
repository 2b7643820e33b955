/* Koenker (2005), section 3.4; the bandwidths of Hall and Sheather (1988), Bofinger (1975) and
 * Chamberlain (1994), as statsmodels has them.
 */
#include "sparsity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dist.h"

#define PI 3.14159265358979323846

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear interpolation between order statistics, as scoreatpercentile does. */
static double percentile(const double *sorted, ptrdiff_t n, double share)
{
    double at = share * (double)(n - 1);
    ptrdiff_t low = (ptrdiff_t)floor(at);
    if (low >= n - 1)
        return sorted[n - 1];
    double above = at - (double)low;
    return sorted[low] * (1 - above) + sorted[low + 1] * above;
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

double sparsity_density(const double *y, const double *e, ptrdiff_t n, const QuantileOptions *o,
                        double *sorted, double *h)
{
    double mean = 0.0, square = 0.0, sum = 0.0;
    memcpy(sorted, e, sizeof(double) * n);
    qsort(sorted, (size_t)n, sizeof(double), ascending);
    double range = percentile(sorted, n, 0.75) - percentile(sorted, n, 0.25);
    for (ptrdiff_t i = 0; i < n; ++i)
        mean += y[i];
    mean /= (double)n;
    for (ptrdiff_t i = 0; i < n; ++i)
        square += (y[i] - mean) * (y[i] - mean);
    *h = bandwidth(o->bandwidth, (double)n, o->q);
    *h = fmin(sqrt(square / (double)n), range / 1.34) *
         (normal_quantile(o->q + *h) - normal_quantile(o->q - *h));
    for (ptrdiff_t i = 0; i < n; ++i)
        sum += kernel_density(o->kernel, e[i] / *h);
    return 1.0 / ((double)n * *h) * sum;
}

static double check_loss(double e, double q)
{
    return e < 0 ? (q - 1) * e : q * e;
}

double sparsity_pseudo_r_squared(const double *y, const double *e, ptrdiff_t n, double q,
                                 double *sorted)
{
    double loss = 0.0, reduced = 0.0;
    memcpy(sorted, y, sizeof(double) * n);
    qsort(sorted, (size_t)n, sizeof(double), ascending);
    double location = percentile(sorted, n, q);
    for (ptrdiff_t i = 0; i < n; ++i) {
        loss += check_loss(e[i], q);
        reduced += check_loss(y[i] - location, q);
    }
    return 1 - loss / reduced;
}
