/* What the standard errors of quantile regression need: the density of the errors at zero. */
#ifndef MODELRUN_SPARSITY_H
#define MODELRUN_SPARSITY_H

#include <stddef.h>

enum DensityKernel { EPANECHNIKOV, BIWEIGHT, COSINE, GAUSS, PARZEN };
enum Bandwidth { HALL_SHEATHER, BOFINGER, CHAMBERLAIN };

/* A value and how often it stands. */
typedef struct {
    double value, count;
} Stacked;

/* Responses y and residuals e of n rows. */
typedef struct {
    const double *y, *e;
    const double *count; /* how often each row stands; NULL: once */
    ptrdiff_t n;
    double total;     /* the sum of the counts */
    Stacked *stacked; /* room for n */
} Sample;

/* Kernel estimate of the density of the residuals at zero; h becomes the bandwidth. */
double sparsity_density(const Sample *s, int kernel, int rule, double q, double *h);

/* One minus the loss of the residuals over the loss about the quantile of the response. */
double sparsity_pseudo_r_squared(const Sample *s, double q);

#endif
