#include "frame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vec.h"

double *aligned_doubles(size_t count)
{
    void *memory = NULL;
    size_t bytes = (count + LANES) * sizeof(double);
    if (posix_memalign(&memory, 64, bytes) != 0)
        return NULL;
    memset(memory, 0, bytes);
    return memory;
}

double *take(double **next, size_t count)
{
    double *at = *next;
    *next += PADDED(count);
    return at;
}

ptrdiff_t longest(const int64_t *start, const int64_t *stop, ptrdiff_t fits)
{
    ptrdiff_t most = 0;
    for (ptrdiff_t f = 0; f < fits; ++f)
        if (stop[f] - start[f] > most)
            most = (ptrdiff_t)(stop[f] - start[f]);
    return most;
}

ptrdiff_t rows_copy(const double *column, const uint8_t *keep, ptrdiff_t start, ptrdiff_t stop,
                    double *out)
{
    ptrdiff_t n = 0;
    if (keep == NULL) {
        n = stop - start;
        memcpy(out, column + start, (size_t)n * sizeof(double));
    } else {
        for (ptrdiff_t i = start; i < stop; ++i) {
            out[n] = column[i];
            n += keep[i] != 0;
        }
    }
    for (ptrdiff_t i = n; i < PADDED(n); ++i)
        out[i] = 0.0;
    return n;
}

void rows_spread(const double *values, const uint8_t *keep, ptrdiff_t start, ptrdiff_t stop,
                 double *out)
{
    for (ptrdiff_t row = start, i = 0; out != NULL && row < stop; ++row) {
        int kept = keep == NULL || keep[row];
        out[row - start] = kept ? values[i] : NAN;
        i += kept;
    }
}

int is_constant(const double *v, ptrdiff_t n)
{
    for (ptrdiff_t i = 1; i < n; ++i)
        if (v[i] != v[0])
            return 0;
    return n > 0;
}

/* Note whether column j, not yet multiplied by weights, is constant. */
static void note_constant(Rows *rows, int j)
{
    const double *v = rows->x + j * rows->ld;
    if (!is_constant(v, rows->n))
        return;
    rows->constants += 1;
    if (rows->first_constant < 0 && v[0] != 0.0)
        rows->first_constant = j;
}

void rows_pick(Rows *rows, const double *column, const ptrdiff_t *place, int j)
{
    double *out = rows->x + j * rows->ld;
    if (column == NULL)
        for (ptrdiff_t i = 0; i < rows->n; ++i)
            out[i] = 1.0;
    else
        for (ptrdiff_t i = 0; i < rows->n; ++i)
            out[i] = column[place[i]];
    for (ptrdiff_t i = rows->n; i < rows->padded; ++i)
        out[i] = 0.0;
    note_constant(rows, j);
}

void rows_gather(const Frame *frame, ptrdiff_t start, ptrdiff_t stop, Rows *rows)
{
    ptrdiff_t n = rows_copy(frame->y, frame->keep, start, stop, rows->y);
    rows->n = n;
    rows->total = (double)n;
    rows->padded = PADDED(n);
    rows->constants = 0;
    rows->first_constant = -1;
    rows->sum_log_weight = 0.0;
    if (frame->weight != NULL) {
        rows_copy(frame->weight, frame->keep, start, stop, rows->root);
        for (ptrdiff_t i = 0; i < n; ++i) {
            rows->sum_log_weight += log(rows->root[i]);
            rows->root[i] = sqrt(rows->root[i]);
        }
        vec_multiply(rows->y, rows->root, rows->y, rows->padded);
    }
    for (int j = 0; j < frame->p; ++j) {
        double *out = rows->x + j * rows->ld;
        if (frame->x[j] == NULL) {
            for (ptrdiff_t i = 0; i < n; ++i)
                out[i] = 1.0;
            for (ptrdiff_t i = n; i < rows->padded; ++i)
                out[i] = 0.0;
        } else {
            rows_copy(frame->x[j], frame->keep, start, stop, out);
        }
        note_constant(rows, j);
        if (frame->weight != NULL)
            vec_multiply(out, rows->root, out, rows->padded);
    }
}
