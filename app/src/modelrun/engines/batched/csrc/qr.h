/* Orthonormal bases by classical Gram-Schmidt run twice, and work with triangular factors. */
#ifndef MODELRUN_QR_H
#define MODELRUN_QR_H

#include <stddef.h>

/* Triangular matrices are column-major with leading dimension p: r[j * p + k], k <= j. */
#define TRI(r, p, k, j) ((r)[(j) * (p) + (k)])

/* Turn the p columns of q into an orthonormal basis, in place; fill r (p * p).  `scratch` holds p.
 * Returns p, or the index of the first column that is (numerically) a combination of the ones
 * before it, or -1 when a column is not finite.
 */
int qr_orthonormalise(double *q, ptrdiff_t ld, int p, ptrdiff_t n, double *r, double *scratch);

/* v becomes its residual on the basis, c its coordinates; two passes. */
void qr_residual(const double *q, ptrdiff_t ld, int p, double *v, ptrdiff_t n, double *c,
                 double *scratch);

/* inverse = r^-1 */
void tri_inverse(const double *r, int p, double *inverse);

/* b = r^-1 c */
void tri_solve(const double *r, int p, const double *c, double *b);

/* sum of squares of row j: of an inverse factor, the j-th diagonal element of (R'R)^-1 */
double tri_row_square(const double *r, int p, int j);

/* Frobenius norm of the upper triangle */
double tri_norm(const double *r, int p);

/* kappa_2 by one-sided Jacobi rotations (Hestenes); `scratch` holds p * p */
double tri_condition(const double *r, int p, double *scratch);

#endif
