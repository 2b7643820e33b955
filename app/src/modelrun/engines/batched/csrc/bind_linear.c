/* Least squares: buffers in, buffers filled, no GIL in between. */
#include "bind.h"

#include "ols.h"
#include "rolling.h"

PyObject *bind_ols(PyObject *module, PyObject *args)
{
    PyObject *columns, *y, *weight, *keep, *group, *start, *stop, *coefficients, *statistics, *cov,
        *fitted, *resid, *status, *reasons;
    int groups;
    LinearOptions o;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOiOO(iiiiiiiiidd)O!OOOOOO:ols", &PyTuple_Type, &columns, &y,
                          &weight, &keep, &group, &groups, &start, &stop, &o.sandwich.covariance,
                          &o.sandwich.lags, &o.sandwich.uniform, &o.sandwich.correction,
                          &o.sandwich.df_correction, &o.use_t, &o.constant, &o.robust_f,
                          &o.exact_condition, &o.level, &o.sandwich.fixed_scale, &PyTuple_Type,
                          &coefficients, &statistics, &cov, &fitted, &resid, &status, &reasons))
        return NULL;
    Views views;
    Frame frame;
    Py_ssize_t rows, fits;
    const int64_t *starts, *stops;
    if (!views_open(&views, (int)PyTuple_Size(columns) + 32))
        return NULL;
    if (!views_frame(&views, columns, y, weight, keep, &rows, &frame) ||
        (fits = views_slices(&views, start, stop, rows, &starts, &stops)) < 0) {
        views_close(&views);
        return NULL;
    }
    Py_ssize_t total = views_total(starts, stops, fits), p = frame.p;
    LinearOutput out;
    views_coefficients(&views, coefficients, fits * p, &out.coefficients);
    out.statistics = views_take(&views, statistics, "statistics", 'd', fits * LIN_COUNT, 1);
    out.cov = views_take(&views, cov, "cov", 'd', fits * p * p, 1);
    out.fitted = views_take(&views, fitted, "fitted", 'd', total, 1);
    out.resid = views_take(&views, resid, "resid", 'd', total, 1);
    out.status = views_take(&views, status, "status", 'b', fits, 1);
    out.reasons = views_take(&views, reasons, "reasons", 'H', fits, 1);
    const int32_t *codes = views_groups(&views, group, rows, groups);
    if (PyErr_Occurred()) {
        views_close(&views);
        return NULL;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS failed = ols_fit(&frame, codes, groups, starts, stops, fits, &o, &out);
    Py_END_ALLOW_THREADS return views_finish(&views, failed);
}

PyObject *bind_rolling(PyObject *module, PyObject *args)
{
    PyObject *columns, *y, *keep, *start, *stop, *origin, *coefficients, *statistics, *status,
        *reasons;
    int block;
    LinearOptions o = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOOi(iiiid)O!OOO:rolling", &PyTuple_Type, &columns, &y, &keep,
                          &start, &stop, &origin, &block, &o.use_t, &o.constant, &o.robust_f,
                          &o.exact_condition, &o.level, &PyTuple_Type, &coefficients, &statistics,
                          &status, &reasons))
        return NULL;
    Views views;
    Frame frame;
    Py_ssize_t rows, fits;
    const int64_t *starts, *stops;
    if (!views_open(&views, (int)PyTuple_Size(columns) + 32))
        return NULL;
    if (!views_frame(&views, columns, y, Py_None, keep, &rows, &frame) ||
        (fits = views_slices(&views, start, stop, rows, &starts, &stops)) < 0) {
        views_close(&views);
        return NULL;
    }
    LinearOutput out = {0};
    const int64_t *origins = views_take(&views, origin, "origins", 'q', fits, 0);
    views_coefficients(&views, coefficients, fits * frame.p, &out.coefficients);
    out.statistics = views_take(&views, statistics, "statistics", 'd', fits * LIN_COUNT, 1);
    out.status = views_take(&views, status, "status", 'b', fits, 1);
    out.reasons = views_take(&views, reasons, "reasons", 'H', fits, 1);
    if (origins != NULL)
        for (Py_ssize_t f = 0; f < fits; ++f)
            if (origins[f] < 0 || origins[f] > starts[f]) {
                PyErr_Format(PyExc_ValueError, "origins[%zd] is %lld; allowed is 0..%lld", f,
                             (long long)origins[f], (long long)starts[f]);
                break;
            }
    if (block < 1 && !PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "block is %d; at least 1 row is needed", block);
    if (PyErr_Occurred()) {
        views_close(&views);
        return NULL;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS failed =
        rolling_fit(&frame, starts, stops, origins, fits, block, &o, &out);
    Py_END_ALLOW_THREADS return views_finish(&views, failed);
}
