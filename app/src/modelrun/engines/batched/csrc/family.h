/* Distributions and links of generalized linear models, as statsmodels computes them. */
#ifndef MODELRUN_FAMILY_H
#define MODELRUN_FAMILY_H

#include <stddef.h>

enum FamilyName { GAUSSIAN, POISSON, BINOMIAL, GAMMA, NEGATIVE_BINOMIAL };
enum Link { IDENTITY, LOG, LOGIT, PROBIT, CLOGLOG, INVERSE, SQRT };

#define SMALL_COUNTS 512

typedef struct {
    int name;
    int link;
    double alpha; /* of the negative binomial */
    double log_factorial[SMALL_COUNTS];
    double log_gamma_inverse_alpha;
    double log_gamma_shifted[SMALL_COUNTS]; /* log Gamma(y + 1 / alpha) */
} Family;

void family_open(Family *family, int name, int link, double alpha);

/* Whether a response is a count with a place in the tables. */
static inline int small_count(double y)
{
    return y >= 0 && y < SMALL_COUNTS && y == (int)y;
}

/* log Gamma(y + 1) */
double log_factorial(const Family *family, double y);

/* First guess of the mean; count may be NULL (ones). */
void family_start(const Family *family, const double *y, const double *count, double *mu,
                  ptrdiff_t n);

/* linear = g(mu) */
void link_apply(const Family *family, const double *mu, double *linear, ptrdiff_t n);

/* mu = g^-1(linear) */
void link_inverse(const Family *family, const double *linear, double *mu, ptrdiff_t n);

/* slope = g'(mu) */
void link_slope(const Family *family, const double *mu, const double *linear, double *slope,
                ptrdiff_t n);

/* variance = V(mu) */
void family_variance(const Family *family, const double *mu, double *variance, ptrdiff_t n);

/* Sum of the unit deviances times weight. */
double family_deviance(const Family *family, const double *y, const double *mu,
                       const double *weight, ptrdiff_t n);

/* Sum of log-likelihoods times freq; var and freq may be NULL (ones). */
double family_log_lik(const Family *family, const double *y, const double *mu, const double *var,
                      const double *freq, double scale, ptrdiff_t n);

/* Whether the observed information is the expected one. */
int family_canonical(const Family *family);

#endif
