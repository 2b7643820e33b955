/* The panel as the kernels see it: column pointers, never a row-major copy. */
#ifndef MODELRUN_FRAME_H
#define MODELRUN_FRAME_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int p;                  /* columns of the design */
    const double *const *x; /* one pointer a column; NULL stands for a column of ones */
    const double *y;
    const double *weight; /* NULL: all ones */
    const uint8_t *keep;  /* NULL: every row is complete */
} Frame;

/* Rows of one fit, copied side by side, padded with zeros to a multiple of LANES. */
typedef struct {
    ptrdiff_t n;      /* rows kept */
    double total;     /* rows they stand for: n, or the sum of their counts */
    ptrdiff_t padded; /* n rounded up */
    ptrdiff_t ld;     /* distance between columns */
    double *x;        /* ld * p */
    double *y;
    double *root; /* square roots of the weights, NULL without weights */
    double sum_log_weight;
    int constants;      /* columns with max == min */
    int first_constant; /* index of the first of them that is not zero, or -1 */
} Rows;

/* Copy the kept rows of [start, stop) and multiply them by the square roots of the weights. */
void rows_gather(const Frame *frame, ptrdiff_t start, ptrdiff_t stop, Rows *rows);

/* Whether all n values, one at least, are the same. */
int is_constant(const double *v, ptrdiff_t n);

/* Column j of the rows: values `place`[i] of a column, ones where it is NULL. */
void rows_pick(Rows *rows, const double *column, const ptrdiff_t *place, int j);

/* Copy the kept values of one column. */
ptrdiff_t rows_copy(const double *column, const uint8_t *keep, ptrdiff_t start, ptrdiff_t stop,
                    double *out);

/* The other way: values of the kept rows at the places of all rows, NaN in dropped ones; nothing
 * where `out` is NULL.
 */
void rows_spread(const double *values, const uint8_t *keep, ptrdiff_t start, ptrdiff_t stop,
                 double *out);

/* Zeroed memory for `count` doubles, aligned for vectors; NULL when there is none. */
double *aligned_doubles(size_t count);

/* The next `count` doubles of such a block, in whole vectors. */
double *take(double **next, size_t count);

/* Longest stop - start of the fits. */
ptrdiff_t longest(const int64_t *start, const int64_t *stop, ptrdiff_t fits);

#endif
