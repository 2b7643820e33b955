/* Giraud, Langou, Rozloznik, van den Eshof (2005): two passes of classical Gram-Schmidt give a
 * basis orthogonal to working precision as long as the columns are numerically independent.
 */
#include "qr.h"

#include <math.h>
#include <string.h>

#include "vec.h"

void qr_residual(const double *q, ptrdiff_t ld, int p, double *v, ptrdiff_t n, double *c,
                 double *scratch)
{
    vec_dots(q, ld, p, v, n, c);
    vec_subtract(q, ld, p, c, v, n);
    vec_dots(q, ld, p, v, n, scratch);
    vec_subtract(q, ld, p, scratch, v, n);
    for (int j = 0; j < p; ++j)
        c[j] += scratch[j];
}

int qr_orthonormalise(double *q, ptrdiff_t ld, int p, ptrdiff_t n, double *r, double *scratch)
{
    for (int j = 0; j < p; ++j) {
        double *v = q + j * ld;
        double before = sqrt(vec_dot(v, v, n)), after = before;
        if (!isfinite(before))
            return -1;
        if (j > 0) {
            qr_residual(q, ld, j, v, n, r + j * p, scratch);
            after = sqrt(vec_dot(v, v, n));
        }
        if (!(after > 4e-16 * p * before) || before < 1e-150)
            return j;
        TRI(r, p, j, j) = after;
        vec_scale(v, 1.0 / after, n);
    }
    return p;
}

void tri_inverse(const double *r, int p, double *inverse)
{
    for (int j = 0; j < p; ++j) {
        TRI(inverse, p, j, j) = 1.0 / TRI(r, p, j, j);
        for (int k = j - 1; k >= 0; --k) {
            double s = 0.0;
            for (int m = k + 1; m <= j; ++m)
                s += TRI(r, p, k, m) * TRI(inverse, p, m, j);
            TRI(inverse, p, k, j) = -s * TRI(inverse, p, k, k);
        }
        for (int k = j + 1; k < p; ++k)
            TRI(inverse, p, k, j) = 0.0;
    }
}

void tri_solve(const double *r, int p, const double *c, double *b)
{
    for (int k = p - 1; k >= 0; --k) {
        double s = c[k];
        for (int m = k + 1; m < p; ++m)
            s -= TRI(r, p, k, m) * b[m];
        b[k] = s / TRI(r, p, k, k);
    }
}

double tri_row_square(const double *r, int p, int j)
{
    double sum = 0.0;
    for (int k = j; k < p; ++k)
        sum += TRI(r, p, j, k) * TRI(r, p, j, k);
    return sum;
}

double tri_norm(const double *r, int p)
{
    double largest = 0.0, s = 0.0;
    for (int j = 0; j < p; ++j)
        for (int k = 0; k <= j; ++k)
            largest = fmax(largest, fabs(TRI(r, p, k, j)));
    if (!(largest > 0.0) || !isfinite(largest))
        return largest;
    for (int j = 0; j < p; ++j)
        for (int k = 0; k <= j; ++k) {
            double scaled = TRI(r, p, k, j) / largest;
            s += scaled * scaled;
        }
    return largest * sqrt(s);
}

double tri_condition(const double *r, int p, double *scratch)
{
    double *a = scratch;
    double largest = tri_norm(r, p);
    for (int j = 0; j < p; ++j)
        for (int k = 0; k < p; ++k)
            a[j * p + k] = k <= j ? TRI(r, p, k, j) / largest : 0.0;
    for (int sweep = 0; sweep < 60; ++sweep) {
        int rotated = 0;
        for (int i = 0; i < p; ++i)
            for (int j = i + 1; j < p; ++j) {
                double *u = a + i * p, *v = a + j * p, uu = 0, vv = 0, uv = 0;
                for (int k = 0; k < p; ++k) {
                    uu += u[k] * u[k];
                    vv += v[k] * v[k];
                    uv += u[k] * v[k];
                }
                if (fabs(uv) <= 1e-14 * sqrt(uu * vv))
                    continue;
                rotated = 1;
                double zeta = (vv - uu) / (2 * uv);
                double t = (zeta > 0 ? 1 : -1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                double c = 1 / sqrt(1 + t * t), s = c * t;
                for (int k = 0; k < p; ++k) {
                    double old = u[k];
                    u[k] = c * old - s * v[k];
                    v[k] = s * old + c * v[k];
                }
            }
        if (!rotated)
            break;
    }
    double smallest = INFINITY;
    largest = 0.0;
    for (int j = 0; j < p; ++j) {
        double s = 0.0;
        for (int k = 0; k < p; ++k)
            s += a[j * p + k] * a[j * p + k];
        largest = fmax(largest, sqrt(s));
        smallest = fmin(smallest, sqrt(s));
    }
    return largest / smallest;
}
