/* What the standard errors of quantile regression need: the density of the errors at zero. */
#ifndef MODELRUN_SPARSITY_H
#define MODELRUN_SPARSITY_H

#include "quantreg.h"

/* Kernel estimate of the density of the residuals e at zero; h becomes the bandwidth.  `sorted`
 * holds n values.
 */
double sparsity_density(const double *y, const double *e, ptrdiff_t n, const QuantileOptions *o,
                        double *sorted, double *h);

/* One minus the loss of the residuals over the loss about the quantile of the response. */
double sparsity_pseudo_r_squared(const double *y, const double *e, ptrdiff_t n, double q,
                                 double *sorted);

#endif
