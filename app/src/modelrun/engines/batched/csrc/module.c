/* The Python module of the kernels. */
#include "bind.h"

#include "dist.h"
#include "exponent.h"

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
    Py_BEGIN_ALLOW_THREADS for (Py_ssize_t i = 0; i < n; ++i) switch (which)
    {
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
    Py_END_ALLOW_THREADS return views_finish(&views, 0);
}

/* exp(x, out) */
static PyObject *py_exp(PyObject *module, PyObject *args)
{
    PyObject *x_object, *out_object;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO:exp", &x_object, &out_object))
        return NULL;
    Views views;
    if (!views_open(&views, 2))
        return NULL;
    const double *x = views_take(&views, x_object, "x", 'd', 0, 0);
    Py_ssize_t n = x ? views.view[0].len / 8 : 0;
    double *out = views_take(&views, out_object, "out", 'd', n, 1);
    if (PyErr_Occurred() || x == NULL || out == NULL) {
        views_close(&views);
        return NULL;
    }
    exp_each(x, out, n);
    return views_finish(&views, 0);
}

static PyMethodDef methods[] = {
    {"ols", bind_ols, METH_VARARGS, "Least squares over many slices; see ols.py."},
    {"rolling", bind_rolling, METH_VARARGS, "Least squares over moving windows; see rolling.py."},
    {"likelihood", bind_likelihood, METH_VARARGS, "GLM and discrete models; see likelihood.py."},
    {"quantile", bind_quantile, METH_VARARGS, "Quantile regression; see quantreg.py."},
    {"resample_ols", bind_resample_ols, METH_VARARGS, "Bootstrap of OLS; see bootstrap.py."},
    {"resample_likelihood", bind_resample_likelihood, METH_VARARGS,
     "Bootstrap of GLM and discrete models; see bootstrap.py."},
    {"resample_rows", bind_resample_rows, METH_VARARGS,
     "Bootstrap of the same with weights and robust covariances; see bootstrap.py."},
    {"resample_quantile", bind_resample_quantile, METH_VARARGS,
     "Bootstrap of quantile regression; see bootstrap.py."},
    {"kalman", bind_kalman, METH_VARARGS, "Likelihood of a series; see kalman.py."},
    {"exp", py_exp, METH_VARARGS, "The exponential function; see csrc/exponent.h."},
    {"rowhash", bind_rowhash, METH_VARARGS, "Hashes of ranges of rows; see modelrun.plan.hashing."},
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
