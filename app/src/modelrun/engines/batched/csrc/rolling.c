/* Van Herk (1992) and Gil and Werman (1993) for a product that cannot be undone: here the
 * triangular factor of [X | y].  Before the block boundary a window's rows are a suffix, after it a
 * prefix; both factors are extended row by row by Givens rotations, and one merge of two triangles
 * a window gives its factor.  Nothing is ever subtracted, so nothing is lost when an outlier
 * leaves.
 */
#include "rolling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dist.h"
#include "gate.h"
#include "qr.h"
#include "verdict.h"

/* Packed upper triangles of m = p + 1 columns, row by row: row k has m - k entries. */
typedef struct {
    int p, m, size;
    int constant;   /* column moved to the front, or -1 */
    double *suffix; /* block + 1 triangles; suffix[i] holds rows i.. of the block */
    double *counts; /* kept rows of each suffix */
    double *prefix, *merged, *row, *r, *inverse, *c, *b, *variance, *scratch;
    double prefix_rows;
    ptrdiff_t boundary, low, high; /* suffix covers [low, boundary), prefix [boundary, high) */
} Window;

/* Rotate `row`, whose entries before `from` are zero, into the triangle. */
static void append(double *triangle, int m, double *row, int from)
{
    double *t = triangle;
    for (int k = 0; k < from; ++k)
        t += m - k;
    for (int k = from; k < m; ++k) {
        double b = row[k];
        int left = m - k;
        if (b != 0.0) {
            double a = t[0], h = sqrt(a * a + b * b), c, s;
            if (!(h > 1e-140 && h < 1e140)) {
                h = hypot(a, b);
            }
            c = a / h;
            s = b / h;
            t[0] = h;
            for (int j = 1; j < left; ++j) {
                double above = t[j], below = row[k + j];
                t[j] = c * above + s * below;
                row[k + j] = c * below - s * above;
            }
        }
        t += left;
    }
}

static int load(const Frame *frame, const Window *w, ptrdiff_t row)
{
    if (frame->keep != NULL && !frame->keep[row])
        return 0;
    int at = 0;
    if (w->constant >= 0)
        w->row[at++] = frame->x[w->constant] ? frame->x[w->constant][row] : 1.0;
    for (int j = 0; j < w->p; ++j)
        if (j != w->constant)
            w->row[at++] = frame->x[j] ? frame->x[j][row] : 1.0;
    w->row[at] = frame->y[row];
    return 1;
}

static double *suffix_at(const Window *w, ptrdiff_t rows)
{
    return w->suffix + rows * w->size;
}

/* Make the window [start, stop) in w->merged; returns its kept rows. */
static double aggregate(Window *w, const Frame *frame, ptrdiff_t start, ptrdiff_t stop,
                        ptrdiff_t boundary)
{
    if (boundary > stop) { /* shorter than a block and between two boundaries */
        double rows = 0;
        memset(w->merged, 0, sizeof(double) * w->size);
        for (ptrdiff_t i = start; i < stop; ++i)
            if (load(frame, w, i)) {
                append(w->merged, w->m, w->row, 0);
                rows += 1;
            }
        return rows;
    }
    if (boundary != w->boundary) {
        w->boundary = w->low = w->high = boundary;
        w->prefix_rows = 0;
        w->counts[0] = 0;
        memset(w->prefix, 0, sizeof(double) * w->size);
        memset(w->suffix, 0, sizeof(double) * w->size);
    }
    for (; w->low > start; --w->low) {
        ptrdiff_t rows = boundary - w->low;
        memcpy(suffix_at(w, rows + 1), suffix_at(w, rows), sizeof(double) * w->size);
        w->counts[rows + 1] = w->counts[rows];
        if (load(frame, w, w->low - 1)) {
            append(suffix_at(w, rows + 1), w->m, w->row, 0);
            w->counts[rows + 1] += 1;
        }
    }
    if (stop < w->high) {
        w->high = boundary;
        w->prefix_rows = 0;
        memset(w->prefix, 0, sizeof(double) * w->size);
    }
    for (; w->high < stop; ++w->high)
        if (load(frame, w, w->high)) {
            append(w->prefix, w->m, w->row, 0);
            w->prefix_rows += 1;
        }
    ptrdiff_t rows = boundary - start;
    memcpy(w->merged, w->prefix, sizeof(double) * w->size);
    if (w->counts[rows] > 0) {
        const double *t = suffix_at(w, rows);
        for (int k = 0; k < w->m; ++k) {
            for (int j = k; j < w->m; ++j)
                w->row[j] = t[j - k];
            append(w->merged, w->m, w->row, k);
            t += w->m - k;
        }
    }
    return w->counts[rows] + w->prefix_rows;
}

static int solve(Window *w, double n, ptrdiff_t f, const LinearOptions *o, const LinearOutput *out,
                 Quantiles *quantiles, unsigned *reasons)
{
    int p = w->p, m = w->m;
    double *s = out->statistics + f * LIN_COUNT;
    const double *t = w->merged;
    s[LIN_NOBS] = n;
    if (n < p || n == 0) {
        *reasons |= REASON_TOO_SHORT;
        return TOO_SHORT;
    }
    double ssr = 0.0, tss = 0.0, yy = 0.0;
    for (int k = 0; k < m; ++k) {
        for (int j = k; j < p; ++j)
            TRI(w->r, p, k, j) = t[j - k];
        if (k < p)
            w->c[k] = t[p - k];
        double square = t[p - k] * t[p - k];
        yy += square;
        if (k > 0)
            tss += square;
        if (k == p)
            ssr = square;
        t += m - k;
    }
    if (!isfinite(yy) || !isfinite(tri_norm(w->r, p))) {
        *reasons |= REASON_NON_FINITE;
        return NON_FINITE;
    }
    for (int k = 0; k < p; ++k) {
        double column = 0.0;
        for (int i = 0; i <= k; ++i)
            column += TRI(w->r, p, i, k) * TRI(w->r, p, i, k);
        if (!(fabs(TRI(w->r, p, k, k)) > 4e-16 * p * sqrt(column))) {
            *reasons |= REASON_RANK;
            return RANK_DEFICIENT;
        }
    }
    LinearMoments moments = {.p = p,
                             .n = n,
                             .k_constant = w->constant >= 0,
                             .ssr = ssr,
                             .yy = yy,
                             .tss = w->constant >= 0 ? tss : yy};
    linear_statistics(&moments, s);
    tri_inverse(w->r, p, w->inverse);
    Gate gate;
    *reasons |= gate_check(w->r, w->inverse, p, ssr, yy, o->exact_condition, w->scratch, &gate);
    s[LIN_CONDITION] = gate.condition;
    s[LIN_ETA] = gate.eta;
    if (n == p)
        *reasons |= REASON_TOO_SHORT;
    tri_solve(w->r, p, w->c, w->b);
    for (int j = 0; j < p; ++j)
        w->variance[j] = s[LIN_SCALE] * tri_row_square(w->inverse, p, j);
    if (w->constant > 0) { /* back to the order of the columns */
        double b = w->b[0], v = w->variance[0];
        memmove(w->b, w->b + 1, sizeof(double) * w->constant);
        memmove(w->variance, w->variance + 1, sizeof(double) * w->constant);
        w->b[w->constant] = b;
        w->variance[w->constant] = v;
    }
    infer(&out->coefficients, f, p, w->b, w->variance, o->use_t ? s[LIN_DF_RESID] : -1.0,
          quantiles);
    if (o->robust_f)
        s[LIN_F_P] = f_upper(s[LIN_F], s[LIN_DF_MODEL], s[LIN_DF_RESID]);
    return OK;
}

static double *window_open(Window *w, int p, int block)
{
    w->p = p;
    w->m = p + 1;
    w->size = w->m * (w->m + 1) / 2;
    size_t pp = (size_t)p * p,
           count = (size_t)(block + 4) * w->size + block + 2 + 5 * w->m + 3 * pp;
    double *next = aligned_doubles(count), *base = next;
    if (next == NULL)
        return NULL;
    w->suffix = next, next += (size_t)(block + 1) * w->size;
    w->prefix = next, next += w->size;
    w->merged = next, next += w->size;
    w->counts = next, next += block + 2;
    w->row = next, next += w->m;
    w->c = next, next += w->m;
    w->b = next, next += w->m;
    w->variance = next, next += w->m;
    w->r = next, next += pp;
    w->inverse = next, next += pp;
    w->scratch = next;
    w->boundary = -1;
    return base;
}

int rolling_fit(const Frame *frame, const int64_t *start, const int64_t *stop,
                const int64_t *origin, ptrdiff_t fits, int block, const LinearOptions *options,
                const LinearOutput *out)
{
    Window w;
    Quantiles quantiles;
    if (!quantiles_open(&quantiles, options->level))
        return -1;
    double *memory = window_open(&w, frame->p, block);
    if (memory == NULL) {
        quantiles_close(&quantiles);
        return -1;
    }
    w.constant = options->constant; /* an index here */
    for (ptrdiff_t f = 0; f < fits; ++f) {
        unsigned reasons = 0;
        double *s = out->statistics + f * LIN_COUNT;
        ptrdiff_t offset = (ptrdiff_t)(start[f] - origin[f]);
        ptrdiff_t boundary = (ptrdiff_t)origin[f] + (offset + block - 1) / block * block;
        for (int k = 0; k < LIN_COUNT; ++k)
            s[k] = NAN;
        double n = aggregate(&w, frame, (ptrdiff_t)start[f], (ptrdiff_t)stop[f], boundary);
        int status = solve(&w, n, f, options, out, &quantiles, &reasons);
        if (status != OK)
            infer_nothing(&out->coefficients, f, frame->p);
        out->status[f] = (int8_t)status;
        out->reasons[f] = (uint16_t)reasons;
    }
    free(memory);
    quantiles_close(&quantiles);
    return 0;
}
