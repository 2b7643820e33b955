/* The exponential function of many numbers at once. */
#ifndef MODELRUN_EXPONENT_H
#define MODELRUN_EXPONENT_H

#include <stddef.h>

/* out[i] = exp(x[i]), to one unit in the last place; x may be out */
void exp_each(const double *x, double *out, ptrdiff_t n);

#endif
