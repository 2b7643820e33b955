/* Likelihood models and quantile regression: buffers in, buffers filled, no GIL in between. */
#include "bind.h"

#include "likelihood.h"
#include "quantreg.h"

PyObject *bind_likelihood(PyObject *module, PyObject *args)
{
    PyObject *columns, *y, *offset, *freq, *var, *keep, *group, *start, *stop, *coefficients,
        *statistics, *cov, *fitted, *linear, *status, *reasons;
    int groups;
    LikelihoodOptions o;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOOOiOO(iiididi)(iiiiid)(iid)O!OOOOOO:likelihood",
                          &PyTuple_Type, &columns, &y, &offset, &freq, &var, &keep, &group, &groups,
                          &start, &stop, &o.newton, &o.family, &o.link, &o.alpha, &o.scale_type,
                          &o.scale, &o.max_iterations, &o.sandwich.covariance, &o.sandwich.lags,
                          &o.sandwich.uniform, &o.sandwich.correction, &o.sandwich.df_correction,
                          &o.sandwich.fixed_scale, &o.use_t, &o.null_model, &o.level, &PyTuple_Type,
                          &coefficients, &statistics, &cov, &fitted, &linear, &status, &reasons))
        return NULL;
    o.tolerance = 1e-8;
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
    Py_ssize_t total = views_total(starts, stops, fits), p = frame.p;
    LikelihoodInputs inputs = {0};
    inputs.offset = views_take(&views, offset, "offset", 'd', rows, 0);
    inputs.freq = views_take(&views, freq, "freq_weights", 'd', rows, 0);
    inputs.var = views_take(&views, var, "var_weights", 'd', rows, 0);
    LikelihoodOutput out;
    views_coefficients(&views, coefficients, fits * p, &out.coefficients);
    out.statistics = views_take(&views, statistics, "statistics", 'd', fits * LIK_COUNT, 1);
    out.cov = views_take(&views, cov, "cov", 'd', fits * p * p, 1);
    out.fitted = views_take(&views, fitted, "fitted", 'd', total, 1);
    out.linear = views_take(&views, linear, "linear", 'd', total, 1);
    out.status = views_take(&views, status, "status", 'b', fits, 1);
    out.reasons = views_take(&views, reasons, "reasons", 'H', fits, 1);
    const int32_t *codes = views_groups(&views, group, rows, groups);
    if (PyErr_Occurred()) {
        views_close(&views);
        return NULL;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS failed =
        likelihood_fit(&frame, &inputs, codes, groups, starts, stops, fits, &o, &out);
    Py_END_ALLOW_THREADS return views_finish(&views, failed);
}

PyObject *bind_quantile(PyObject *module, PyObject *args)
{
    PyObject *columns, *y, *keep, *start, *stop, *coefficients, *statistics, *cov, *fitted, *resid,
        *status, *reasons;
    QuantileOptions o;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOO(diiiidiiidi)O!OOOOOO:quantile", &PyTuple_Type, &columns, &y,
                          &keep, &start, &stop, &o.q, &o.robust, &o.kernel, &o.bandwidth,
                          &o.max_iterations, &o.tolerance, &o.check, &o.use_t, &o.constant,
                          &o.level, &o.exact, &PyTuple_Type, &coefficients, &statistics, &cov,
                          &fitted, &resid, &status, &reasons))
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
    Py_ssize_t total = views_total(starts, stops, fits), p = frame.p;
    QuantileOutput out;
    views_coefficients(&views, coefficients, fits * p, &out.coefficients);
    out.statistics = views_take(&views, statistics, "statistics", 'd', fits * QUANT_COUNT, 1);
    out.cov = views_take(&views, cov, "cov", 'd', fits * p * p, 1);
    out.fitted = views_take(&views, fitted, "fitted", 'd', total, 1);
    out.resid = views_take(&views, resid, "resid", 'd', total, 1);
    out.status = views_take(&views, status, "status", 'b', fits, 1);
    out.reasons = views_take(&views, reasons, "reasons", 'H', fits, 1);
    if (PyErr_Occurred()) {
        views_close(&views);
        return NULL;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS failed = quantile_fit(&frame, starts, stops, fits, &o, &out);
    Py_END_ALLOW_THREADS return views_finish(&views, failed);
}
