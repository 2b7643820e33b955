/* Python buffers as typed pointers, checked once at the border. */
#ifndef MODELRUN_VIEWS_H
#define MODELRUN_VIEWS_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#include <Python.h>

#include "frame.h"

typedef struct {
    Py_buffer *view;
    int count, capacity;
    const double **columns;
} Views;

int views_open(Views *views, int capacity);
void views_close(Views *views);

/* Pointer to at least `items` items of one kind: 'd' double, 'q' int64, 'i' int32, 'b' int8,
 * 'B' uint8 or bool, 'H' uint16.  None gives NULL; on error NULL with an exception set.
 */
void *views_take(Views *views, PyObject *object, const char *name, char kind, Py_ssize_t items,
                 int writable);

/* columns (a tuple of buffers; None is a column of ones), y, weight, keep; 0 on error */
int views_frame(Views *views, PyObject *columns, PyObject *y, PyObject *weight, PyObject *keep,
                Py_ssize_t *rows, Frame *frame);

/* starts, stops; checks 0 <= start <= stop <= rows; the number of fits, -1 on error */
Py_ssize_t views_slices(Views *views, PyObject *start, PyObject *stop, Py_ssize_t rows,
                        const int64_t **starts, const int64_t **stops);

/* Rows of all slices together. */
Py_ssize_t views_total(const int64_t *starts, const int64_t *stops, Py_ssize_t fits);

/* Cluster codes of all rows, each 0..groups - 1. */
const int32_t *views_groups(Views *views, PyObject *group, Py_ssize_t rows, int groups);

#endif
