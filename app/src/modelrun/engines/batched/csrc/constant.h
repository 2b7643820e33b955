/* Whether columns without a constant among them span one, as all dummies of a factor do. */
#ifndef MODELRUN_CONSTANT_H
#define MODELRUN_CONSTANT_H

#include "frame.h"

/* 1 when they do, 0 when not, -1 when rounding decides.  statsmodels compares the rank of [1, X]
 * with that of X.  q, r and inverse are the factor of the (weighted) columns; z holds a padded
 * vector, c and scratch p each.
 */
int spans_constant(const Rows *x, const double *q, const double *r, const double *inverse, int p,
                   double *z, double *c, double *scratch);

#endif
