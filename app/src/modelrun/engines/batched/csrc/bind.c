#include "bind.h"

PyObject *views_finish(Views *views, int failed)
{
    views_close(views);
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

void views_coefficients(Views *views, PyObject *arrays, Py_ssize_t items, Coefficients *out)
{
    double **const slots[] = {&out->params,  &out->bse, &out->statistic,
                              &out->p_value, &out->low, &out->high};
    static const char *const names[] = {"params", "bse", "statistic", "p_value", "low", "high"};
    for (int k = 0; k < 6; ++k)
        *slots[k] = views_take(views, PyTuple_GetItem(arrays, k), names[k], 'd', items, 1);
}

int views_distinct(Views *views, PyObject *columns, PyObject *offset, PyObject *y,
                   PyObject *pattern_of, PyObject *pair_of, Distinct *d)
{
    Frame patterns;
    /* the pattern of each pair is taken first: it says how many pairs there are */
    d->pattern_of = views_take(views, pattern_of, "pattern_of", 'i', 1, 0);
    if (d->pattern_of == NULL)
        return 0;
    d->pairs = views->view[views->count - 1].len / 4;
    d->y = views_take(views, y, "y", 'd', d->pairs, 0);
    d->pair_of = views_take(views, pair_of, "pair_of", 'i', 1, 0);
    if (d->y == NULL || d->pair_of == NULL)
        return 0;
    d->rows = views->view[views->count - 1].len / 4;
    if (!views_frame(views, columns, offset, Py_None, Py_None, &d->patterns, &patterns))
        return 0;
    d->p = patterns.p;
    d->x = patterns.x;
    d->offset = patterns.y;
    for (ptrdiff_t i = 0; i < d->pairs; ++i)
        if (d->pattern_of[i] < 0 || d->pattern_of[i] >= d->patterns) {
            PyErr_Format(PyExc_ValueError, "pattern_of[%zd] is out of range", i);
            return 0;
        }
    for (ptrdiff_t i = 0; i < d->rows; ++i)
        if (d->pair_of[i] < -1 || d->pair_of[i] >= d->pairs) {
            PyErr_Format(PyExc_ValueError, "pair_of[%zd] is out of range", i);
            return 0;
        }
    return 1;
}
