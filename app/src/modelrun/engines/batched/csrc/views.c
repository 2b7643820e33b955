#include "views.h"

#include <string.h>

int views_open(Views *views, int capacity)
{
    views->view = PyMem_Calloc((size_t)capacity, sizeof(Py_buffer));
    views->columns = NULL;
    views->count = 0;
    views->capacity = capacity;
    if (views->view == NULL)
        PyErr_NoMemory();
    return views->view != NULL;
}

void views_close(Views *views)
{
    for (int i = 0; i < views->count; ++i)
        PyBuffer_Release(&views->view[i]);
    PyMem_Free(views->view);
    PyMem_Free((void *)views->columns);
}

static int matches(const Py_buffer *view, char kind)
{
    const char *format = view->format ? view->format : "B";
    while (*format == '@' || *format == '=' || *format == '<')
        ++format;
    switch (kind) {
    case 'q':
        return view->itemsize == 8 && (*format == 'q' || *format == 'l');
    case 'i':
        return view->itemsize == 4 && (*format == 'i' || *format == 'l');
    case 'B':
        return view->itemsize == 1 && (*format == 'B' || *format == '?');
    default:
        return *format == kind;
    }
}

void *views_take(Views *views, PyObject *object, const char *name, char kind, Py_ssize_t items,
                 int writable)
{
    if (object == Py_None || PyErr_Occurred())
        return NULL;
    if (views->count == views->capacity) {
        PyErr_SetString(PyExc_SystemError, "too many buffers for one call");
        return NULL;
    }
    Py_buffer *view = &views->view[views->count];
    int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, view, flags) != 0)
        return NULL;
    views->count += 1;
    if (!matches(view, kind)) {
        PyErr_Format(PyExc_TypeError, "%s: items of kind '%c' are needed, the buffer has '%s'",
                     name, kind, view->format ? view->format : "B");
        return NULL;
    }
    if (view->len / view->itemsize < items) {
        PyErr_Format(PyExc_ValueError, "%s: at least %zd items are needed, the buffer has %zd",
                     name, items, view->len / view->itemsize);
        return NULL;
    }
    return view->buf;
}

int views_frame(Views *views, PyObject *columns, PyObject *y, PyObject *weight, PyObject *keep,
                Py_ssize_t *rows, Frame *frame)
{
    Py_ssize_t p = PyTuple_Size(columns);
    if (p < 0)
        return 0;
    if (p == 0) {
        PyErr_SetString(PyExc_ValueError, "columns: at least one column is needed");
        return 0;
    }
    frame->y = views_take(views, y, "y", 'd', 0, 0);
    if (frame->y == NULL) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "y: an array of doubles is needed, not None");
        return 0;
    }
    *rows = views->view[views->count - 1].len / (Py_ssize_t)sizeof(double);
    views->columns = PyMem_Calloc((size_t)p, sizeof(double *));
    if (views->columns == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    for (Py_ssize_t j = 0; j < p; ++j)
        views->columns[j] = views_take(views, PyTuple_GetItem(columns, j), "column", 'd', *rows, 0);
    frame->p = (int)p;
    frame->x = views->columns;
    frame->weight = views_take(views, weight, "weights", 'd', *rows, 0);
    frame->keep = views_take(views, keep, "keep", 'B', *rows, 0);
    return !PyErr_Occurred();
}

Py_ssize_t views_slices(Views *views, PyObject *start, PyObject *stop, Py_ssize_t rows,
                        const int64_t **starts, const int64_t **stops)
{
    *starts = views_take(views, start, "starts", 'q', 0, 0);
    if (*starts == NULL)
        return -1;
    Py_ssize_t fits = views->view[views->count - 1].len / 8;
    *stops = views_take(views, stop, "stops", 'q', fits, 0);
    if (*stops == NULL)
        return -1;
    for (Py_ssize_t f = 0; f < fits; ++f)
        if ((*starts)[f] < 0 || (*stops)[f] < (*starts)[f] || (*stops)[f] > rows) {
            PyErr_Format(PyExc_ValueError,
                         "slice %zd is [%lld, %lld); allowed is 0 <= start <= stop <= %zd", f,
                         (long long)(*starts)[f], (long long)(*stops)[f], rows);
            return -1;
        }
    return fits;
}

Py_ssize_t views_total(const int64_t *starts, const int64_t *stops, Py_ssize_t fits)
{
    Py_ssize_t total = 0;
    for (Py_ssize_t f = 0; f < fits; ++f)
        total += (Py_ssize_t)(stops[f] - starts[f]);
    return total;
}

const int32_t *views_groups(Views *views, PyObject *group, Py_ssize_t rows, int groups)
{
    const int32_t *codes = views_take(views, group, "groups", 'i', rows, 0);
    for (Py_ssize_t i = 0; codes != NULL && i < rows; ++i)
        if (codes[i] < 0 || codes[i] >= groups) {
            PyErr_Format(PyExc_ValueError, "groups[%zd] is %d; allowed is 0..%d", i, (int)codes[i],
                         groups - 1);
            return NULL;
        }
    return codes;
}
