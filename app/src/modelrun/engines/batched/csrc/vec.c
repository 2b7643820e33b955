#include "vec.h"

#include "versioned.h"

typedef double v8 __attribute__((vector_size(64)));
typedef double v8u __attribute__((vector_size(64), aligned(8)));

#define AT(p) (*(const v8 *)(p))
#define SUM(a) ((((a)[0] + (a)[4]) + ((a)[2] + (a)[6])) + (((a)[1] + (a)[5]) + ((a)[3] + (a)[7])))

VERSIONED double vec_dot(const double *a, const double *b, ptrdiff_t n)
{
    v8 s = {0};
    for (ptrdiff_t i = 0; i < n; i += LANES)
        s += AT(a + i) * AT(b + i);
    return SUM(s);
}

VERSIONED void vec_dots(const double *q, ptrdiff_t ld, int k, const double *v, ptrdiff_t n,
                        double *c)
{
    int j = 0;
    for (; j + 4 <= k; j += 4) {
        const double *q0 = q + j * ld, *q1 = q0 + ld, *q2 = q1 + ld, *q3 = q2 + ld;
        v8 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
        for (ptrdiff_t i = 0; i < n; i += LANES) {
            v8 x = AT(v + i);
            s0 += AT(q0 + i) * x;
            s1 += AT(q1 + i) * x;
            s2 += AT(q2 + i) * x;
            s3 += AT(q3 + i) * x;
        }
        c[j] = SUM(s0);
        c[j + 1] = SUM(s1);
        c[j + 2] = SUM(s2);
        c[j + 3] = SUM(s3);
    }
    for (; j < k; ++j) {
        v8 s = {0};
        for (ptrdiff_t i = 0; i < n; i += LANES)
            s += AT(q + j * ld + i) * AT(v + i);
        c[j] = SUM(s);
    }
}

VERSIONED void vec_subtract(const double *q, ptrdiff_t ld, int k, const double *c, double *v,
                            ptrdiff_t n)
{
    int j = 0;
    for (; j + 4 <= k; j += 4) {
        const double *q0 = q + j * ld, *q1 = q0 + ld, *q2 = q1 + ld, *q3 = q2 + ld;
        double c0 = c[j], c1 = c[j + 1], c2 = c[j + 2], c3 = c[j + 3];
        for (ptrdiff_t i = 0; i < n; i += LANES)
            *(v8 *)(v + i) -=
                (c0 * AT(q0 + i) + c1 * AT(q1 + i)) + (c2 * AT(q2 + i) + c3 * AT(q3 + i));
    }
    for (; j < k; ++j)
        for (ptrdiff_t i = 0; i < n; i += LANES)
            *(v8 *)(v + i) -= c[j] * AT(q + j * ld + i);
}

VERSIONED void vec_combine(const double *q, ptrdiff_t ld, int k, const double *c, double *v,
                           ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        v8 s = {0};
        for (int j = 0; j < k; ++j)
            s += c[j] * AT(q + j * ld + i);
        *(v8 *)(v + i) = s;
    }
}

VERSIONED void vec_scale(double *v, double factor, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES)
        *(v8 *)(v + i) *= factor;
}

VERSIONED void vec_multiply(const double *a, const double *b, double *out, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES)
        *(v8 *)(out + i) = AT(a + i) * AT(b + i);
}

VERSIONED void vec_leverage(const double *q, ptrdiff_t ld, int k, double *h, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        v8 s = {0};
        for (int j = 0; j < k; ++j)
            s += AT(q + j * ld + i) * AT(q + j * ld + i);
        *(v8 *)(h + i) = s;
    }
}

VERSIONED void vec_filter(const double *u, const double *weight, int lags, double *z, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        v8 s = weight[0] * AT(u + i);
        for (int l = 1; l <= lags; ++l)
            s += weight[l] * *(const v8u *)(u + i - l);
        *(v8 *)(z + i) = s;
    }
}

VERSIONED void vec_check_weights(const double *y, const double *fitted, double q, double *w,
                                 ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        double r = y[i] - fitted[i];
        double size = r < 0 ? -r : r;
        double factor = r < 0 ? q : 1 - q;
        size = size < 0.000001 ? 0.000001 : size;
        w[i] = 1.0 / (size * factor);
    }
}
