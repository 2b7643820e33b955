/* The likelihood of a state space model: buffers in, a buffer filled, no GIL in between. */
#include "bind.h"

#include "kalman.h"

/* How many numbers the buffer that was taken last has. */
static Py_ssize_t taken(const Views *views)
{
    return views->count ? views->view[views->count - 1].len / 8 : 0;
}

/* kalman(endog, obs_intercept, obs_cov, design, transition, intercept, selection, variance,
 *        initial, initial_cov, tolerance, sums, out): whether the filter is defined */
PyObject *bind_kalman(PyObject *module, PyObject *args)
{
    PyObject *endog, *given, *design, *transition, *intercept, *selection, *initial, *cov, *out;
    Kalman k;
    int sums;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOdOOOOdOOdiO:kalman", &endog, &given, &k.obs_cov, &design,
                          &transition, &intercept, &selection, &k.variance, &initial, &cov,
                          &k.tolerance, &sums, &out))
        return NULL;
    Views views;
    if (!views_open(&views, 9))
        return NULL;
    k.sums = (Sums)sums;
    k.endog = views_take(&views, endog, "endog", 'd', 0, 0);
    k.nobs = taken(&views);
    k.initial = views_take(&views, initial, "initial", 'd', 0, 0);
    k.states = taken(&views);
    k.obs_intercept = views_take(&views, given, "obs_intercept", 'd', 1, 0);
    k.obs_moves = taken(&views) >= k.nobs;
    k.intercept = views_take(&views, intercept, "intercept", 'd', k.states, 0);
    k.moves = taken(&views) >= k.nobs * k.states ? k.states : 0;
    k.design = views_take(&views, design, "design", 'd', k.states, 0);
    k.transition = views_take(&views, transition, "transition", 'd', k.states * k.states, 0);
    k.selection = views_take(&views, selection, "selection", 'd', k.states, 0);
    k.initial_cov = views_take(&views, cov, "initial_cov", 'd', k.states * k.states, 0);
    double *found = views_take(&views, out, "out", 'd', k.nobs, 1);
    if (PyErr_Occurred()) {
        views_close(&views);
        return NULL;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS failed = kalman_loglikelihood(&k, found);
    Py_END_ALLOW_THREADS
    views_close(&views);
    return failed < 0 ? PyErr_NoMemory() : PyBool_FromLong(failed == 0);
}
