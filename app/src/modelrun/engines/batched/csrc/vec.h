/* Level-1 and level-2 building blocks on padded double vectors.
 *
 * Every vector is 64-byte aligned and its length is a multiple of LANES; the padding holds zeros,
 * so no loop has a tail.  Sums run over LANES fixed partial sums that are combined in one fixed
 * order, and the build switches contraction to fused multiply-add off: SSE2, AVX2 and AVX-512
 * versions (picked once per process) return the same bits.
 */
#ifndef MODELRUN_VEC_H
#define MODELRUN_VEC_H

#include <stddef.h>

#define LANES 8
#define PADDED(n) (((n) + LANES - 1) & ~(ptrdiff_t)(LANES - 1))

/* sum of a[i] * b[i] */
double vec_dot(const double *a, const double *b, ptrdiff_t n);

/* c[j] = sum_i q[j * ld + i] * v[i], for j < k */
void vec_dots(const double *q, ptrdiff_t ld, int k, const double *v, ptrdiff_t n, double *c);

/* c[j * k + m] = sum_i w[i] * q[j * ld + i] * q[m * ld + i], for m <= j < k */
void vec_gram(const double *q, ptrdiff_t ld, int k, const double *w, ptrdiff_t n, double *c);

/* v[i] -= sum_j c[j] * q[j * ld + i] */
void vec_subtract(const double *q, ptrdiff_t ld, int k, const double *c, double *v, ptrdiff_t n);

/* v[i] = sum_j c[j] * q[j * ld + i] */
void vec_combine(const double *q, ptrdiff_t ld, int k, const double *c, double *v, ptrdiff_t n);

/* v[i] *= factor */
void vec_scale(double *v, double factor, ptrdiff_t n);

/* out[i] = a[i] * b[i] */
void vec_multiply(const double *a, const double *b, double *out, ptrdiff_t n);

/* h[i] = sum_j q[j * ld + i]^2 (the leverages, when q has orthonormal columns) */
void vec_leverage(const double *q, ptrdiff_t ld, int k, double *h, ptrdiff_t n);

/* z[i] = sum_{l=0..lags} weight[l] * u[i - l]; u must be preceded by `lags` zeros */
void vec_filter(const double *u, const double *weight, int lags, double *z, ptrdiff_t n);

/* w[i] = 1 / |r rho|, r = y[i] - fitted[i] kept at least 1e-6 from zero, rho = q below zero and 1 -
 * q above: the weights of statsmodels' quantile regression */
void vec_check_weights(const double *y, const double *fitted, double q, double *w, ptrdiff_t n);

/* max |v[i]| */
double vec_largest(const double *v, ptrdiff_t n);

/* max |a[i] - b[i]| */
double vec_apart(const double *a, const double *b, ptrdiff_t n);

/* whether some |y[i] - fitted[i]| is below limit and below |fitted[i] - other[i]|, which is above
 * least */
int vec_signs_turn(const double *y, const double *fitted, const double *other, double limit,
                   double least, ptrdiff_t n);

#endif
