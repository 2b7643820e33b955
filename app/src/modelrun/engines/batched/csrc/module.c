/* The Python face of the kernels: buffers in, buffers filled, no GIL in between. */
#include "views.h"

#include "dist.h"
#include "likelihood.h"
#include "ols.h"
#include "quantreg.h"
#include "rolling.h"

static PyObject *out_of_memory_or_none(Views *views, int failed)
{
    views_close(views);
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static void take_coefficients(Views *views, PyObject *arrays, Py_ssize_t items, Coefficients *out)
{
    double **const slots[] = {&out->params, &out->bse, &out->statistic,
                              &out->p_value, &out->low, &out->high};
    static const char *const names[] = {"params", "bse", "statistic", "p_value", "low", "high"};
    for (int k = 0; k < 6; ++k)
        *slots[k] = views_take(views, PyTuple_GetItem(arrays, k), names[k], 'd', items, 1);
}

static PyObject *py_ols(PyObject *module, PyObject *args)
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
    take_coefficients(&views, coefficients, fits * p, &out.coefficients);
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
    Py_BEGIN_ALLOW_THREADS
    failed = ols_fit(&frame, codes, groups, starts, stops, fits, &o, &out);
    Py_END_ALLOW_THREADS
    return out_of_memory_or_none(&views, failed);
}

static PyObject *py_rolling(PyObject *module, PyObject *args)
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
    take_coefficients(&views, coefficients, fits * frame.p, &out.coefficients);
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
    Py_BEGIN_ALLOW_THREADS
    failed = rolling_fit(&frame, starts, stops, origins, fits, block, &o, &out);
    Py_END_ALLOW_THREADS
    return out_of_memory_or_none(&views, failed);
}

static PyObject *py_likelihood(PyObject *module, PyObject *args)
{
    PyObject *columns, *y, *offset, *freq, *var, *keep, *group, *start, *stop, *coefficients,
        *statistics, *cov, *fitted, *linear, *status, *reasons;
    int groups;
    LikelihoodOptions o;
    (void)module;
    if (!PyArg_ParseTuple(
            args, "O!OOOOOOiOO(iiididi)(iiiiid)(iid)O!OOOOOO:likelihood", &PyTuple_Type, &columns,
            &y, &offset, &freq, &var, &keep, &group, &groups, &start, &stop, &o.newton, &o.family,
            &o.link, &o.alpha, &o.scale_type, &o.scale, &o.max_iterations, &o.sandwich.covariance,
            &o.sandwich.lags, &o.sandwich.uniform, &o.sandwich.correction,
            &o.sandwich.df_correction, &o.sandwich.fixed_scale, &o.use_t, &o.null_model, &o.level,
            &PyTuple_Type, &coefficients, &statistics, &cov, &fitted, &linear, &status, &reasons))
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
    LikelihoodInputs inputs;
    inputs.offset = views_take(&views, offset, "offset", 'd', rows, 0);
    inputs.freq = views_take(&views, freq, "freq_weights", 'd', rows, 0);
    inputs.var = views_take(&views, var, "var_weights", 'd', rows, 0);
    LikelihoodOutput out;
    take_coefficients(&views, coefficients, fits * p, &out.coefficients);
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
    Py_BEGIN_ALLOW_THREADS
    failed = likelihood_fit(&frame, &inputs, codes, groups, starts, stops, fits, &o, &out);
    Py_END_ALLOW_THREADS
    return out_of_memory_or_none(&views, failed);
}

static PyObject *py_quantile(PyObject *module, PyObject *args)
{
    PyObject *columns, *y, *keep, *start, *stop, *coefficients, *statistics, *cov, *fitted, *resid,
        *status, *reasons;
    QuantileOptions o;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOO(diiiidiiid)O!OOOOOO:quantile", &PyTuple_Type, &columns, &y,
                          &keep, &start, &stop, &o.q, &o.robust, &o.kernel, &o.bandwidth,
                          &o.max_iterations, &o.tolerance, &o.check, &o.use_t, &o.constant,
                          &o.level, &PyTuple_Type, &coefficients, &statistics, &cov, &fitted,
                          &resid, &status, &reasons))
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
    take_coefficients(&views, coefficients, fits * p, &out.coefficients);
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
    Py_BEGIN_ALLOW_THREADS
    failed = quantile_fit(&frame, starts, stops, fits, &o, &out);
    Py_END_ALLOW_THREADS
    return out_of_memory_or_none(&views, failed);
}

/* distribution(name, x, a, b, out): one ufunc-like call for arrays that exist already */
static PyObject *py_distribution(PyObject *module, PyObject *args)
{
    PyObject *x_object, *a_object, *b_object, *out_object;
    int which;
    (void)module;
    if (!PyArg_ParseTuple(args, "iOOOO:distribution", &which, &x_object, &a_object, &b_object,
                          &out_object))
        return NULL;
    Views views;
    if (!views_open(&views, 4))
        return NULL;
    double *out = views_take(&views, out_object, "out", 'd', 0, 1);
    Py_ssize_t n = out ? views.view[0].len / 8 : 0;
    const double *x = views_take(&views, x_object, "x", 'd', n, 0);
    const double *a = views_take(&views, a_object, "a", 'd', n, 0);
    const double *b = views_take(&views, b_object, "b", 'd', n, 0);
    if (!PyErr_Occurred() && (out == NULL || x == NULL || (which >= 2 && a == NULL) ||
                              (which == 4 && b == NULL) || which < 0 || which > 5))
        PyErr_SetString(PyExc_ValueError, "distribution: an array is missing");
    if (PyErr_Occurred()) {
        views_close(&views);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; i < n; ++i)
        switch (which) {
        case 0:
            out[i] = normal_two_sided(x[i]);
            break;
        case 1:
            out[i] = normal_quantile(x[i]);
            break;
        case 2:
            out[i] = t_two_sided(x[i], a[i]);
            break;
        case 3:
            out[i] = t_quantile(x[i], a[i]);
            break;
        case 4:
            out[i] = f_upper(x[i], a[i], b[i]);
            break;
        default:
            out[i] = chi2_upper(x[i], a[i]);
        }
    Py_END_ALLOW_THREADS
    return out_of_memory_or_none(&views, 0);
}

static PyMethodDef methods[] = {
    {"ols", py_ols, METH_VARARGS, "Least squares over many slices; see ols.py."},
    {"rolling", py_rolling, METH_VARARGS, "Least squares over moving windows; see rolling.py."},
    {"likelihood", py_likelihood, METH_VARARGS, "GLM and discrete models; see likelihood.py."},
    {"quantile", py_quantile, METH_VARARGS, "Quantile regression; see quantreg.py."},
    {"distribution", py_distribution, METH_VARARGS, "Tails and quantiles; see distributions.py."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_kernels",
    .m_doc = "Compiled kernels of the batched engine.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernels(void)
{
    return PyModuleDef_Init(&definition);
}
