/* Portnoy and Koenker (1997), "The Gaussian hare and the Laplacian tortoise": the dual of quantile
 * regression, min -y'a subject to Q'a = (1 - tau) Q'1 and 0 <= a <= 1, by Mehrotra's predictor and
 * corrector.  The dual variables inside of their bounds tell which p rows the optimal plane goes
 * through; from there it is the simplex method of Barrodale and Roberts (1973), which mostly has
 * nothing left to do, so that the solution is exact up to one linear solve.
 *
 * Everything happens on an orthonormal basis and on residuals of least squares divided by their
 * mean size: neither units nor levels of the data matter.
 */
#include "frisch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cholesky.h"
#include "frame.h"
#include "qr.h"
#include "vec.h"

#define CLOSE 1e-7     /* gap a row at which the vertex is looked for */
#define INTERIOR 60    /* iterations of the interior point at most; 10 to 15 are usual */
#define BACK_OFF 0.9995
#define INSIDE 1e-10   /* a reduced cost may violate its bounds by rounding */
#define STRICT 1e-8    /* nearer to a bound than this, another vertex may be as good */
#define PIVOTS(p) (40 + 10 * (p))

typedef struct {
    double at, slope;
    ptrdiff_t row;
} Break;

int frisch_open(Frisch *f, ptrdiff_t rows, int p)
{
    ptrdiff_t ld = PADDED(rows) + LANES;
    double *next = aligned_doubles(12 * ld + 3 * PADDED((size_t)p * p) + 5 * PADDED(p));
    f->block = next;
    f->basis = malloc(sizeof(ptrdiff_t) * (size_t)(p + 1));
    f->breaks = malloc(sizeof(Break) * (size_t)(rows + 1));
    if (next == NULL || f->basis == NULL || f->breaks == NULL)
        return 0;
    double **const vectors[] = {&f->a,  &f->s,  &f->z,  &f->w,  &f->cost,  &f->weight,
                                &f->da, &f->ds, &f->dz, &f->dw, &f->slope, &f->t};
    for (int k = 0; k < 12; ++k)
        *vectors[k] = take(&next, ld);
    double **const squares[] = {&f->normal, &f->inverse, &f->rows};
    for (int k = 0; k < 3; ++k)
        *squares[k] = take(&next, (size_t)p * p);
    double **const small[] = {&f->dual, &f->step, &f->right, &f->gamma, &f->offset};
    for (int k = 0; k < 5; ++k)
        *small[k] = take(&next, p);
    return 1;
}

void frisch_close(Frisch *f)
{
    free(f->block);
    free(f->basis);
    free(f->breaks);
}

/* Cholesky factor of Q' diag(weight) Q in f->normal; 0 when it is not positive definite */
static int factor(Frisch *f, const double *q, ptrdiff_t ld, int p, ptrdiff_t padded)
{
    vec_gram(q, ld, p, f->weight, padded, f->normal);
    return cholesky_factor(f->normal, p, 0.0);
}

/* f->step solves the factored system for Q' t */
static void solve(Frisch *f, const double *q, ptrdiff_t ld, int p, ptrdiff_t padded)
{
    vec_dots(q, ld, p, f->t, padded, f->step);
    cholesky_solve(f->normal, p, f->step);
}

/* the longest step that keeps v + step * d positive */
static double longest_step(const double *v, const double *d, ptrdiff_t n)
{
    double step = 1e20;
    for (ptrdiff_t i = 0; i < n; ++i)
        if (d[i] < 0 && -v[i] / d[i] < step)
            step = -v[i] / d[i];
    return step;
}

static double smaller(double x, double y)
{
    double step = BACK_OFF * fmin(x, y);
    return fmin(step, 1.0);
}

/* Fills f->a; 1 when the gap is small, 0 when numbers ran out. */
static int interior(Frisch *f, const double *q, ptrdiff_t ld, int p, ptrdiff_t n, ptrdiff_t padded,
                    double share, int *steps)
{
    double *a = f->a, *s = f->s, *z = f->z, *w = f->w, *dx = f->da, *ds = f->ds, *dz = f->dz,
           *dw = f->dw, *t = f->t, *d = f->weight;
    for (ptrdiff_t i = 0; i < n; ++i) {
        double r = f->cost[i] == 0 ? 0.001 : f->cost[i];
        a[i] = 1 - share;
        s[i] = share;
        z[i] = r > 0 ? r : 0;
        w[i] = z[i] - r;
        /* neither may begin at its bound */
        z[i] += 1e-3;
        w[i] += 1e-3;
    }
    for (int round = 0; round < INTERIOR; ++round) {
        double gap = 0.0;
        for (ptrdiff_t i = 0; i < n; ++i)
            gap += z[i] * a[i] + w[i] * s[i];
        if (!isfinite(gap))
            return 0;
        if (gap <= CLOSE * (double)n)
            return 1;
        *steps += 1;
        for (ptrdiff_t i = 0; i < n; ++i)
            d[i] = 1.0 / (z[i] / a[i] + w[i] / s[i]);
        if (!factor(f, q, ld, p, padded))
            return 0;
        for (ptrdiff_t i = 0; i < n; ++i)
            t[i] = d[i] * (z[i] - w[i]);
        memset(t + n, 0, sizeof(double) * (size_t)(padded - n));
        solve(f, q, ld, p, padded);
        vec_combine(q, ld, p, f->step, t, padded);
        for (ptrdiff_t i = 0; i < n; ++i) {
            dx[i] = d[i] * (t[i] - (z[i] - w[i]));
            ds[i] = -dx[i];
            dz[i] = -z[i] * (1 + dx[i] / a[i]);
            dw[i] = -w[i] * (1 + ds[i] / s[i]);
        }
        double primal = smaller(longest_step(a, dx, n), longest_step(s, ds, n));
        double dual = smaller(longest_step(z, dz, n), longest_step(w, dw, n));
        if (fmin(primal, dual) < 1) {
            double after = 0.0;
            for (ptrdiff_t i = 0; i < n; ++i)
                after += (z[i] + dual * dz[i]) * (a[i] + primal * dx[i]) +
                         (w[i] + dual * dw[i]) * (s[i] + primal * ds[i]);
            double share_left = after / gap;
            double mu = gap * share_left * share_left * share_left / (2.0 * (double)n);
            /* f->slope: what the corrector adds to z - w; kept apart since dx changes */
            for (ptrdiff_t i = 0; i < n; ++i) {
                double cz = dx[i] * dz[i] / a[i], cw = ds[i] * dw[i] / s[i];
                dz[i] = mu / a[i] - cz;
                dw[i] = mu / s[i] - cw;
                f->slope[i] = dz[i] - dw[i];
                t[i] = d[i] * (z[i] - w[i] - f->slope[i]);
            }
            memset(t + n, 0, sizeof(double) * (size_t)(padded - n));
            solve(f, q, ld, p, padded);
            vec_combine(q, ld, p, f->step, t, padded);
            for (ptrdiff_t i = 0; i < n; ++i) {
                dx[i] = d[i] * (t[i] + f->slope[i] - (z[i] - w[i]));
                ds[i] = -dx[i];
                dz[i] += -z[i] - z[i] / a[i] * dx[i];
                dw[i] += -w[i] - w[i] / s[i] * ds[i];
            }
            primal = smaller(longest_step(a, dx, n), longest_step(s, ds, n));
            dual = smaller(longest_step(z, dz, n), longest_step(w, dw, n));
        }
        for (ptrdiff_t i = 0; i < n; ++i) {
            a[i] += primal * dx[i];
            s[i] += primal * ds[i];
            z[i] += dual * dz[i];
            w[i] += dual * dw[i];
        }
    }
    return 0;
}

/* p independent rows whose dual variables are furthest from their bounds; 0 if there are none */
static int choose(Frisch *f, const double *q, ptrdiff_t ld, int p, ptrdiff_t n)
{
    double *key = f->t;
    for (ptrdiff_t i = 0; i < n; ++i)
        key[i] = fmin(f->a[i], f->s[i]);
    for (int found = 0; found < p;) {
        ptrdiff_t best = -1;
        for (ptrdiff_t i = 0; i < n; ++i)
            if (key[i] >= 0 && (best < 0 || key[i] > key[best]))
                best = i;
        if (best < 0)
            return 0;
        key[best] = -1;
        double *v = f->rows + found * p, before = 0, after = 0;
        for (int j = 0; j < p; ++j) {
            v[j] = q[j * ld + best];
            before += v[j] * v[j];
        }
        for (int pass = 0; pass < 2; ++pass)
            for (int m = 0; m < found; ++m) {
                const double *u = f->rows + m * p;
                double c = 0;
                for (int j = 0; j < p; ++j)
                    c += u[j] * v[j];
                for (int j = 0; j < p; ++j)
                    v[j] -= c * u[j];
            }
        for (int j = 0; j < p; ++j)
            after += v[j] * v[j];
        if (!(after > 1e-16 * before) || before == 0)
            continue;
        for (int j = 0; j < p; ++j)
            v[j] /= sqrt(after);
        f->basis[found++] = best;
    }
    return 1;
}

/* f->inverse becomes the inverse of the basis' rows (row-major); 0 when they are dependent */
static int invert(Frisch *f, const double *q, ptrdiff_t ld, int p)
{
    double *m = f->rows, *v = f->inverse;
    for (int k = 0; k < p; ++k)
        for (int j = 0; j < p; ++j) {
            m[k * p + j] = q[j * ld + f->basis[k]];
            v[k * p + j] = k == j;
        }
    for (int j = 0; j < p; ++j) {
        int pivot = j;
        for (int k = j + 1; k < p; ++k)
            if (fabs(m[k * p + j]) > fabs(m[pivot * p + j]))
                pivot = k;
        if (!(fabs(m[pivot * p + j]) > 1e-12))
            return 0;
        for (int i = 0; pivot != j && i < p; ++i) {
            double x = m[j * p + i], y = v[j * p + i];
            m[j * p + i] = m[pivot * p + i];
            m[pivot * p + i] = x;
            v[j * p + i] = v[pivot * p + i];
            v[pivot * p + i] = y;
        }
        double head = m[j * p + j];
        for (int i = 0; i < p; ++i) {
            m[j * p + i] /= head;
            v[j * p + i] /= head;
        }
        for (int k = 0; k < p; ++k) {
            double c = m[k * p + j];
            if (k == j || c == 0)
                continue;
            for (int i = 0; i < p; ++i) {
                m[k * p + i] -= c * m[j * p + i];
                v[k * p + i] -= c * v[j * p + i];
            }
        }
    }
    return 1;
}

static int earlier(const void *x, const void *y)
{
    const Break *a = x, *b = y;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* Walk from vertex to vertex downhill.  e holds the response on entry and residuals on exit. */
static int descend(Frisch *f, const double *q, ptrdiff_t ld, int p, ptrdiff_t n, ptrdiff_t padded,
                   double share, double *e, int *steps)
{
    const double *y = f->cost; /* minus the response */
    double *psi = f->t, *d = f->dual;
    Break *breaks = f->breaks;
    for (int pivot = 0; pivot < PIVOTS(p); ++pivot) {
        if (!invert(f, q, ld, p))
            return FRISCH_LOST;
        for (int j = 0; j < p; ++j) {
            f->gamma[j] = 0;
            for (int k = 0; k < p; ++k)
                f->gamma[j] -= f->inverse[j * p + k] * y[f->basis[k]];
        }
        vec_combine(q, ld, p, f->gamma, e, padded);
        for (ptrdiff_t i = 0; i < n; ++i)
            e[i] = -y[i] - e[i];
        for (int k = 0; k < p; ++k)
            e[f->basis[k]] = 0;
        int zeros = 0;
        for (ptrdiff_t i = 0; i < n; ++i) {
            zeros += fabs(e[i]) < 1e-11;
            psi[i] = e[i] >= 0 ? share : share - 1;
        }
        memset(psi + n, 0, sizeof(double) * (size_t)(padded - n));
        for (int k = 0; k < p; ++k)
            psi[f->basis[k]] = 0;
        vec_dots(q, ld, p, psi, padded, f->right);
        int worst = 0, strict = zeros == p;
        double most = -1e300, sign = 1;
        for (int k = 0; k < p; ++k) {
            d[k] = 0;
            for (int j = 0; j < p; ++j)
                d[k] -= f->inverse[j * p + k] * f->right[j];
            double above = d[k] - share, below = share - 1 - d[k];
            double violation = fmax(above, below);
            strict = strict && violation < -STRICT;
            if (violation > most) {
                most = violation;
                worst = k;
                sign = above > below ? 1 : -1;
            }
        }
        if (most <= INSIDE)
            return strict ? FRISCH_OPTIMAL : FRISCH_NOT_UNIQUE;
        *steps += 1;
        for (int j = 0; j < p; ++j)
            f->step[j] = -sign * f->inverse[j * p + worst];
        vec_combine(q, ld, p, f->step, f->slope, padded); /* residuals move by minus this */
        ptrdiff_t count = 0;
        for (ptrdiff_t i = 0; i < n; ++i) {
            double h = -f->slope[i];
            if (psi[i] != 0 && (e[i] >= 0 ? h < 0 : h > 0))
                breaks[count++] = (Break){-e[i] / h, fabs(h), i};
        }
        qsort(breaks, (size_t)count, sizeof(Break), earlier);
        double slope = (sign > 0 ? share : 1 - share) - sign * d[worst];
        ptrdiff_t at = 0;
        while (at < count && (slope += breaks[at].slope) < 0)
            ++at;
        if (at == count)
            return FRISCH_LOST;
        f->basis[worst] = breaks[at].row;
    }
    return FRISCH_LOST;
}

int frisch_solve(Frisch *f, const double *q, ptrdiff_t ld, int p, const double *y, ptrdiff_t n,
                 ptrdiff_t padded, double share, double *c, double *e, int *steps)
{
    double size = 0.0;
    memset(f->weight, 0, sizeof(double) * (size_t)padded);
    memset(f->cost, 0, sizeof(double) * (size_t)padded);
    memcpy(e, y, sizeof(double) * (size_t)padded);
    qr_residual(q, ld, p, e, padded, f->offset, f->right);
    for (ptrdiff_t i = 0; i < n; ++i)
        size += fabs(e[i]) / (double)n;
    if (!(size > 1e-12 * vec_largest(y, n)))
        return FRISCH_LOST;
    for (ptrdiff_t i = 0; i < n; ++i)
        f->cost[i] = -e[i] / size;
    if (!interior(f, q, ld, p, n, padded, share, steps) || !choose(f, q, ld, p, n))
        return FRISCH_LOST;
    int end = descend(f, q, ld, p, n, padded, share, e, steps);
    for (int j = 0; j < p; ++j)
        c[j] = f->offset[j] + size * f->gamma[j];
    for (ptrdiff_t i = 0; i < n; ++i)
        e[i] *= size;
    return end;
}
