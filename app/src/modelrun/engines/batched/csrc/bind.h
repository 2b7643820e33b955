/* The functions of the Python module, and what their bodies share. */
#ifndef MODELRUN_BIND_H
#define MODELRUN_BIND_H

#include "views.h"

#include "inference.h"

PyObject *bind_ols(PyObject *module, PyObject *args);
PyObject *bind_rolling(PyObject *module, PyObject *args);
PyObject *bind_resample_ols(PyObject *module, PyObject *args);
PyObject *bind_likelihood(PyObject *module, PyObject *args);
PyObject *bind_quantile(PyObject *module, PyObject *args);
PyObject *bind_resample_likelihood(PyObject *module, PyObject *args);
PyObject *bind_resample_rows(PyObject *module, PyObject *args);
PyObject *bind_resample_quantile(PyObject *module, PyObject *args);
PyObject *bind_rowhash(PyObject *module, PyObject *args);
PyObject *bind_kalman(PyObject *module, PyObject *args);

/* Release the buffers; None, or MemoryError where the kernel had not enough. */
PyObject *views_finish(Views *views, int failed);

/* The six arrays of coefficients, each with at least `items` items. */
void views_coefficients(Views *views, PyObject *arrays, Py_ssize_t items, Coefficients *out);

#endif
