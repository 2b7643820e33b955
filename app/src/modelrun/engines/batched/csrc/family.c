/* McCullagh and Nelder (1989), with the clipping and the small constants of statsmodels' families
 * and links, because they decide what happens near separation and at zero counts.
 */
#include "family.h"

#include <math.h>

#include "dist.h"
#include "exponent.h"
#include "verdict.h"

#define PI 3.14159265358979323846
#define EACH(n) for (ptrdiff_t i = 0; i < (n); ++i)

static double above(double x)
{
    return x < MACHINE_EPS ? MACHINE_EPS : x;
}

static double inside(double x)
{
    return x < MACHINE_EPS ? MACHINE_EPS : x > 1 - MACHINE_EPS ? 1 - MACHINE_EPS : x;
}

void family_open(Family *family, int name, int link, double alpha)
{
    family->name = name;
    family->link = link;
    family->alpha = alpha;
    for (int k = 0; k < SMALL_COUNTS; ++k)
        family->log_factorial[k] = (double)log_gamma(k + 1.0L);
    family->log_gamma_inverse_alpha = alpha > 0 ? (double)log_gamma(1.0L / alpha) : 0.0;
    for (int k = 0; name == NEGATIVE_BINOMIAL && k < SMALL_COUNTS; ++k)
        family->log_gamma_shifted[k] = (double)log_gamma(k + 1.0L / alpha);
}

double log_factorial(const Family *family, double y)
{
    if (small_count(y))
        return family->log_factorial[(int)y];
    return y > -1 ? (double)log_gamma((long double)y + 1) : NAN;
}

int family_canonical(const Family *family)
{
    static const int canonical[] = {IDENTITY, LOG, LOGIT, INVERSE, -1};
    return family->link == canonical[family->name];
}

void family_start(const Family *family, const double *y, const double *count, double *mu,
                  ptrdiff_t n)
{
    double mean = 0.0, total = 0.0;
    EACH(n)
    {
        mean += count ? count[i] * y[i] : y[i];
        total += count ? count[i] : 1.0;
    }
    mean /= total;
    if (family->name == BINOMIAL)
        EACH(n) mu[i] = (y[i] + 0.5) / 2;
    else
        EACH(n) mu[i] = (y[i] + mean) / 2.0;
}

void link_apply(const Family *family, const double *mu, double *linear, ptrdiff_t n)
{
    switch (family->link) {
    case LOG:
        EACH(n) linear[i] = log(above(mu[i]));
        break;
    case LOGIT:
        EACH(n) linear[i] = log(inside(mu[i]) / (1.0 - inside(mu[i])));
        break;
    case PROBIT:
        EACH(n) linear[i] = normal_quantile(inside(mu[i]));
        break;
    case CLOGLOG:
        EACH(n) linear[i] = log(-log(1 - inside(mu[i])));
        break;
    case INVERSE:
        EACH(n) linear[i] = 1 / mu[i];
        break;
    case SQRT:
        EACH(n) linear[i] = sqrt(mu[i]);
        break;
    default:
        EACH(n) linear[i] = mu[i];
    }
}

void link_inverse(const Family *family, const double *linear, double *mu, ptrdiff_t n)
{
    switch (family->link) {
    case LOG:
        exp_each(linear, mu, n);
        break;
    case LOGIT:
        EACH(n) mu[i] = -linear[i];
        exp_each(mu, mu, n);
        EACH(n) mu[i] = 1.0 / (1.0 + mu[i]);
        break;
    case PROBIT:
        EACH(n) mu[i] = 0.5 * erfc(-linear[i] * 0.70710678118654752440);
        break;
    case CLOGLOG:
        EACH(n) mu[i] = 1 - exp(-exp(linear[i]));
        break;
    case INVERSE:
        EACH(n) mu[i] = 1 / linear[i];
        break;
    case SQRT:
        EACH(n) mu[i] = linear[i] * linear[i];
        break;
    default:
        EACH(n) mu[i] = linear[i];
    }
}

/* The density at the quantile of a probability that was rounded: near 0 and 1 the rounding shows.
 */
static double probit_slope(double mu, double linear)
{
    double z = linear > -8 && linear < 4 ? linear : normal_quantile(inside(mu));
    return 1.0 / (exp(-z * z / 2.0) * 0.39894228040143267794);
}

void link_slope(const Family *family, const double *mu, const double *linear, double *slope,
                ptrdiff_t n)
{
    switch (family->link) {
    case LOG:
        EACH(n) slope[i] = 1.0 / above(mu[i]);
        break;
    case LOGIT:
        EACH(n) slope[i] = 1.0 / (inside(mu[i]) * (1 - inside(mu[i])));
        break;
    case PROBIT:
        EACH(n) slope[i] = probit_slope(mu[i], linear[i]);
        break;
    case CLOGLOG:
        EACH(n) slope[i] = 1.0 / ((inside(mu[i]) - 1) * log(1 - inside(mu[i])));
        break;
    case INVERSE:
        EACH(n) slope[i] = -1.0 / (mu[i] * mu[i]);
        break;
    case SQRT:
        EACH(n) slope[i] = 0.5 / sqrt(mu[i]);
        break;
    default:
        EACH(n) slope[i] = 1.0;
    }
}

void family_variance(const Family *family, const double *mu, double *variance, ptrdiff_t n)
{
    switch (family->name) {
    case POISSON:
        EACH(n) variance[i] = fabs(mu[i]);
        break;
    case BINOMIAL:
        EACH(n) variance[i] = inside(mu[i]) * (1 - inside(mu[i]));
        break;
    case GAMMA:
        EACH(n) variance[i] = mu[i] * mu[i];
        break;
    case NEGATIVE_BINOMIAL:
        EACH(n) variance[i] = above(mu[i]) + family->alpha * above(mu[i]) * above(mu[i]);
        break;
    default:
        EACH(n) variance[i] = 1.0;
    }
}

static double unit_deviance(const Family *family, double y, double mu)
{
    switch (family->name) {
    case POISSON:
        return 2 * ((y == 0 ? 0.0 : y * log(above(y / mu))) - (y - mu));
    case BINOMIAL: {
        double hit = y == 0 ? 0.0 : y * log(above(y / (mu + 1e-20)));
        double miss = y == 1 ? 0.0 : (1 - y) * log(above((1.0 - y) / (1.0 - mu + 1e-20)));
        return 2 * (hit + miss);
    }
    case GAMMA:
        return 2 * (-log(above(y / mu)) + (y - mu) / mu);
    case NEGATIVE_BINOMIAL: {
        double size = 1 / family->alpha;
        double d = y == 0 ? 0.0 : y * log(above(y / mu));
        return 2 * (d - (y + size) * log((y + size) / (mu + size)));
    }
    default:
        return (y - mu) * (y - mu);
    }
}

double family_deviance(const Family *family, const double *y, const double *mu,
                       const double *weight, ptrdiff_t n)
{
    double sum = 0.0;
    EACH(n)
    sum += unit_deviance(family, y[i], mu[i]) * (weight ? weight[i] : 1.0);
    return sum;
}

/* log_gamma_shape is log Gamma(var / scale), which most gamma models need once */
static double unit_log_lik(const Family *family, double y, double mu, double var, double scale,
                           double log_gamma_shape)
{
    switch (family->name) {
    case POISSON:
        return var / scale * (y * log(mu) - mu - log_factorial(family, y));
    case BINOMIAL: {
        double constant = -log_factorial(family, y) - log_factorial(family, 1 - y);
        return (constant + y * log((mu + 1e-20) / (1 - mu + 1e-20)) + log(1 - mu + 1e-20)) * var;
    }
    case GAMMA: {
        double ratio = above(y / mu), shape = var / scale;
        return shape * log(shape * ratio) - shape * ratio - (log_gamma_shape + log(y));
    }
    case NEGATIVE_BINOMIAL: {
        double alpha = family->alpha, ll = y * log(alpha * mu);
        ll -= (y + 1 / alpha) * log(1 + alpha * mu);
        ll += small_count(y) ? family->log_gamma_shifted[(int)y]
                             : (double)log_gamma(y + 1 / (long double)alpha);
        ll -= family->log_gamma_inverse_alpha;
        return var / scale * (ll - log_factorial(family, y));
    }
    default:
        return (-var * (y - mu) * (y - mu) / scale - log(scale / var) - log(2 * PI)) / 2;
    }
}

double family_log_lik(const Family *family, const double *y, const double *mu, const double *var,
                      const double *freq, double scale, ptrdiff_t n)
{
    double sum = 0.0, last = NAN, log_gamma_shape = NAN;
    EACH(n)
    {
        double v = var ? var[i] : 1.0;
        if (family->name == GAMMA && v != last) {
            last = v;
            log_gamma_shape = (double)log_gamma(v / scale);
        }
        sum +=
            unit_log_lik(family, y[i], mu[i], v, scale, log_gamma_shape) * (freq ? freq[i] : 1.0);
    }
    return sum;
}
