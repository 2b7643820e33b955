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
