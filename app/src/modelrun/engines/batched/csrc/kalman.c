/* The conventional Kalman filter of one series with one shock, as of SARIMAX.
 *
 * Durbin and Koopman (2012), chapter 4, in the operations and the order of statsmodels'
 * _filters/_conventional.pyx, with each sum as BLAS libraries take it. What a zero of a system
 * matrix is multiplied with is left out: a sum has the same bits without it. So a step takes the
 * square of the number of states where products of matrices take the cube.
 */
#include "kalman.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "versioned.h"

#define LEAST_VARIANCE 1e-12 /* below it statsmodels changes to another filter */
#define LOG_TWO_PI 1.8378770664093453

/* The entries of a matrix that are not zero, row by row. */
typedef struct {
    int *first; /* rows + 1 */
    int *column;
    double *value;
} Sparse;

/* Entries of consecutive rows, all in one column or in one beside the other: steps of 0 or 1. */
typedef struct {
    int row, rows, column, step;
    int first;     /* whether they are the first ones of their rows */
    double *value; /* rows; NULL where the rows have no entries */
} Run;

typedef struct {
    Sparse transition, design;
    Run *run;
    int runs;
    double *state, *filtered, *cov, *filtered_cov, *product, *selected;
    double *cov_design, *gain;
} Work;

static void fill_sparse(Sparse *out, const double *matrix, ptrdiff_t rows, ptrdiff_t columns)
{
    int count = 0;
    for (ptrdiff_t i = 0; i < rows; ++i) {
        out->first[i] = count;
        for (ptrdiff_t k = 0; k < columns; ++k)
            if (matrix[i + k * rows] != 0) {
                out->column[count] = (int)k;
                out->value[count++] = matrix[i + k * rows];
            }
    }
    out->first[rows] = count;
}

/* Whether entry e of a row stands `step` columns from that of the row before. */
static int follows(const Sparse *matrix, int row, int e, int step)
{
    const int *column = matrix->column, *first = matrix->first;
    return column[first[row] + e] == column[first[row - 1] + e] + step;
}

/* The rows from one on whose entries go on like those of the first two. */
static int alike_from(const Sparse *matrix, int row, int rows)
{
    const int *first = matrix->first, count = first[row + 1] - first[row];
    int next = row + 1;
    for (; next < rows && first[next + 1] - first[next] == count; ++next)
        for (int e = 0; e < count; ++e)
            if (!follows(matrix, next, e, !follows(matrix, row + 1, e, 0)))
                return next - row;
    return next - row;
}

/* Runs in an order in which the entries of a row keep theirs; returns their number. */
static int fill_runs(const Sparse *matrix, int rows, Run *run, double *value)
{
    int runs = 0;
    for (int row = 0, length; row < rows; row += length) {
        const int begin = matrix->first[row], end = matrix->first[row + 1];
        length = alike_from(matrix, row, rows);
        if (begin == end)
            run[runs++] = (Run){row, length, 0, 0, 1, NULL};
        for (int e = 0; e < end - begin; ++e) {
            int step = length > 1 && !follows(matrix, row + 1, e, 0);
            run[runs++] = (Run){row, length, matrix->column[begin + e], step, e == 0, value};
            for (int i = 0; i < length; ++i)
                *value++ = matrix->value[matrix->first[row + i] + e];
        }
    }
    return runs;
}

/* y plus a row of a square matrix times x.  Rows that fill a block of four take columns by fours
 * and the rest by two and by one; others take them one by one. */
static INLINE double row_times(const Sparse *matrix, ptrdiff_t row, ptrdiff_t rows, const double *x,
                               double y, Sums sums)
{
    const int *at = matrix->column;
    const double *value = matrix->value;
    int e = matrix->first[row];
    const int end = matrix->first[row + 1];
    if (row >= (rows & -4)) {
        double sum = 0;
        for (; e < end; ++e)
            sum = fma(value[e], x[at[e]], sum);
        return y + sum;
    }
    while (e < end) {
        const ptrdiff_t group = at[e] & -4, left = rows - group;
        const int width = left >= 4 ? 4 : at[e] - group < (left & -2) ? 2 : 1;
        if (width == 1) {
            y += value[e] * x[at[e]];
            ++e;
            continue;
        }
        double a[4] = {0}, b[4] = {0};
        for (; e < end && at[e] < group + width; ++e) {
            a[at[e] & 3] = value[e];
            b[at[e] & 3] = x[at[e]];
        }
        if (sums == SUMS_AVX512)
            y += fma(a[3], b[3], fma(a[2], b[2], fma(a[0], b[0], a[1] * b[1])));
        else
            y += fma(a[2], b[2], a[0] * b[0]) + fma(a[3], b[3], a[1] * b[1]);
    }
    return y;
}

/* The design times the state: columns by fours, then one by one. */
static INLINE double design_times(const Sparse *design, ptrdiff_t m, const double *x)
{
    double sum = 0;
    for (int e = 0; e < design->first[1];) {
        const int group = design->column[e] & -4, end = group + 4 > m ? 0 : group + 4;
        double part = 0;
        do
            part = fma(design->value[e], x[design->column[e]], part);
        while (++e < design->first[1] && design->column[e] < end);
        sum += part;
    }
    return sum;
}

/* The design times a column of a matrix. */
static INLINE double design_times_column(const Sparse *design, ptrdiff_t m, const double *x,
                                         Sums sums)
{
    const int lanes = sums == SUMS_AVX512 && m >= 16 ? 7 : 0;
    double s[8] = {0};
    for (int e = 0; e < design->first[1]; ++e) {
        double *lane = s + (design->column[e] & lanes);
        *lane = fma(design->value[e], x[design->column[e]], *lane);
    }
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* A row of a matrix, times a number, times every step-th of x: four sums at once of the first
 * columns, the others one by one. */
static INLINE double lanes_times(const Sparse *matrix, ptrdiff_t row, ptrdiff_t first, double scale,
                                 const double *x, ptrdiff_t step)
{
    double s[4] = {0};
    for (int e = matrix->first[row]; e < matrix->first[row + 1]; ++e) {
        const int column = matrix->column[e];
        double *lane = s + (column < first ? column & 3 : 0);
        *lane = fma(x[column * step], matrix->value[e] * scale, *lane);
    }
    return (s[0] + s[1]) + (s[2] + s[3]);
}

/* A symmetric matrix times the design, times a number. */
static INLINE void cov_times_design(const double *cov, ptrdiff_t m, const Sparse *design,
                                    double scale, Sums sums, double *out)
{
    const ptrdiff_t blocks = sums == SUMS_AVX2 ? m & -4 : 0;
    for (ptrdiff_t i = 0; i < m; ++i)
        out[i] = lanes_times(design, 0, i < blocks ? m & -8 : 0, scale, cov + i, m);
}

/* filtered_cov := P - P Z' (P Z')' / F */
static INLINE void update_cov(Work *w, ptrdiff_t m)
{
    for (ptrdiff_t j = 0; j < m; ++j) {
        const double *from = w->cov + j * m, by = w->cov_design[j];
        double *to = w->filtered_cov + j * m;
        for (ptrdiff_t i = 0; i < m; ++i)
            to[i] = from[i] - w->gain[i] * by;
    }
}

/* out := T times a column */
static INLINE void transition_times(const Run *run, int runs, const double *restrict column,
                                    double *restrict out)
{
    for (const Run *end = run + runs; run < end; ++run) {
        const double *restrict from = column + run->column, *restrict value = run->value;
        double *restrict to = out + run->row;
        const int rows = run->rows;
        if (value == NULL)
            memset(to, 0, (size_t)rows * sizeof *to);
        else if (run->first && run->step)
            for (int i = 0; i < rows; ++i)
                to[i] = value[i] * from[i];
        else if (run->first)
            for (int i = 0; i < rows; ++i)
                to[i] = value[i] * *from;
        else if (run->step)
            for (int i = 0; i < rows; ++i)
                to[i] = fma(value[i], from[i], to[i]);
        else
            for (int i = 0; i < rows; ++i)
                to[i] = fma(value[i], *from, to[i]);
    }
}

/* to := a matrix times the transpose of row j of T, plus a column */
static INLINE void times_transition(const Sparse *t, ptrdiff_t j, ptrdiff_t m,
                                    const double *restrict matrix, const double *restrict column,
                                    double *restrict to)
{
    const int begin = t->first[j], end = t->first[j + 1];
    if (begin == end) {
        memcpy(to, column, (size_t)m * sizeof *to);
        return;
    }
    const double *from = matrix + t->column[begin] * m, value = t->value[begin];
    if (end - begin == 1) {
        for (ptrdiff_t i = 0; i < m; ++i)
            to[i] = from[i] * value + column[i];
        return;
    }
    for (ptrdiff_t i = 0; i < m; ++i)
        to[i] = from[i] * value;
    for (int e = begin + 1; e < end; ++e) {
        const double *other = matrix + t->column[e] * m, by = t->value[e];
        for (ptrdiff_t i = 0; i < m; ++i)
            to[i] = fma(other[i], by, to[i]);
    }
    for (ptrdiff_t i = 0; i < m; ++i)
        to[i] += column[i];
}

/* filtered_cov := T filtered_cov T' + Q, made symmetric */
static INLINE void predict_cov(Work *w, ptrdiff_t m, Sums sums)
{
    const Sparse *t = &w->transition;
    double *next = w->filtered_cov;
    for (ptrdiff_t j = 0; j < m; ++j)
        transition_times(w->run, w->runs, w->filtered_cov + j * m, w->product + j * m);
    if (sums == SUMS_AVX2 && m & 1) /* columns go by pairs, and a last one as if it were alone */
        for (ptrdiff_t i = 0; i < (m & -4); ++i)
            if (t->first[i + 1] - t->first[i] > 2)
                w->product[i + (m - 1) * m] =
                    lanes_times(t, i, m & -8, 1, w->filtered_cov + (m - 1) * m, 1);
    for (ptrdiff_t j = 0; j < m; ++j)
        times_transition(t, j, m, w->product, w->selected + j * m, next + j * m);
    for (ptrdiff_t j = 0; j < m; ++j)
        for (ptrdiff_t i = j + 1; i < m; ++i)
            next[i + j * m] = next[j + i * m] = 0.5 * (next[i + j * m] + next[j + i * m]);
}

/* The squared distance of two matrices. */
static INLINE double distance(const double *one, const double *other, ptrdiff_t items)
{
    double part[8] = {0}, sum = 0;
    ptrdiff_t i = 0;
    for (; i + 8 <= items; i += 8)
        for (int lane = 0; lane < 8; ++lane) {
            double by = one[i + lane] - other[i + lane];
            part[lane] = fma(by, by, part[lane]);
        }
    for (; i < items; ++i)
        sum = fma(one[i] - other[i], one[i] - other[i], sum);
    for (int lane = 0; lane < 8; ++lane)
        sum += part[lane];
    return sum;
}

static INLINE void swap(double **one, double **other)
{
    double *kept = *one;
    *one = *other;
    *other = kept;
}

/* When the covariance has converged, statsmodels takes the last one once more and from then on the
 * one before, with the forecast variance of the latter. */
VERSIONED_FMA
static int filter(const Kalman *k, Work *w, double *loglikelihood)
{
    const ptrdiff_t m = k->states, square = m * m;
    double variance = 0, log_variance = 0;
    int converged = 0, just_converged = 0, was_missing = 0;
    for (ptrdiff_t t = 0; t < k->nobs; ++t) {
        const int missing = isnan(k->endog[t]);
        if (missing) {
            converged = just_converged = 0;
            loglikelihood[t] = 0;
            memcpy(w->filtered, w->state, (size_t)m * sizeof(double));
        } else {
            double forecast =
                k->obs_intercept[t * k->obs_moves] + design_times(&w->design, m, w->state);
            double error = k->endog[t] - forecast;
            cov_times_design(w->cov, m, &w->design, 1, k->sums, w->cov_design);
            if (!converged) {
                variance =
                    k->obs_cov + design_times_column(&w->design, m, w->cov_design, k->sums);
                log_variance = log(variance);
            }
            if (!(variance >= LEAST_VARIANCE))
                return 1;
            const double scale = 1 / variance, scaled = scale * error;
            loglikelihood[t] = -0.5 * (LOG_TWO_PI + log_variance) - 0.5 * (error * scaled);
            for (ptrdiff_t i = 0; i < m; ++i)
                w->filtered[i] = w->state[i] + w->cov_design[i] * scaled;
            if (!converged)
                cov_times_design(w->cov, m, &w->design, scale, k->sums, w->gain);
        }
        const double *intercept = k->intercept + t * k->moves;
        for (ptrdiff_t i = 0; i < m; ++i)
            w->state[i] = row_times(&w->transition, i, m, w->filtered, intercept[i], k->sums);
        if (just_converged)
            swap(&w->cov, &w->filtered_cov);
        just_converged = 0;
        if (!converged) {
            if (missing)
                memcpy(w->filtered_cov, w->cov, (size_t)square * sizeof(double));
            else
                update_cov(w, m);
            predict_cov(w, m, k->sums);
            swap(&w->cov, &w->filtered_cov);
            converged = just_converged = k->tolerance > 0 && t > 0 && !missing && !was_missing &&
                                         distance(w->cov, w->filtered_cov, square) < k->tolerance;
        }
        was_missing = missing;
    }
    return 0;
}

int kalman_loglikelihood(const Kalman *k, double *loglikelihood)
{
    const size_t m = (size_t)k->states, square = m * m;
    double *doubles = malloc((6 * square + 5 * m) * sizeof(double));
    int *ints = malloc((square + 2 * m + 3) * sizeof(int));
    Run *runs = malloc((square + m) * sizeof(Run));
    int failed = -1;
    if (doubles && ints && runs) {
        double *at = doubles;
        Work w = {.run = runs};
        double **const squares[] = {&w.cov,      &w.filtered_cov,     &w.product,
                                    &w.selected, &w.transition.value};
        double **const columns[] = {&w.state, &w.filtered, &w.cov_design, &w.gain, &w.design.value};
        for (int i = 0; i < 5; ++i, at += square)
            *squares[i] = at;
        for (int i = 0; i < 5; ++i, at += m)
            *columns[i] = at;
        w.transition.first = ints;
        w.transition.column = w.transition.first + m + 1;
        w.design.first = w.transition.column + square;
        w.design.column = w.design.first + 2;
        fill_sparse(&w.transition, k->transition, k->states, k->states);
        fill_sparse(&w.design, k->design, 1, k->states);
        w.runs = fill_runs(&w.transition, (int)m, runs, at);
        for (size_t j = 0; j < m; ++j)
            for (size_t i = 0; i < m; ++i)
                w.selected[i + j * m] = k->selection[i] * k->variance * k->selection[j];
        memcpy(w.state, k->initial, m * sizeof(double));
        memcpy(w.cov, k->initial_cov, square * sizeof(double));
        failed = filter(k, &w, loglikelihood);
    }
    free(runs);
    free(ints);
    free(doubles);
    return failed;
}
