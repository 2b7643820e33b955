/* The likelihood of a state space model: buffers in, a buffer filled, no GIL in between. */
#include "bind.h"

#include "kalman.h"

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
    int defined = 0;
    k.sums = (Sums)sums;
    k.endog = views_take(&views, endog, "endog", 'd', 0, 0);
    k.nobs = k.endog ? views.view[views.count - 1].len / 8 : 0;
    k.initial = views_take(&views, initial, "initial", 'd', 0, 0);
    k.states = k.initial ? views.view[views.count - 1].len / 8 : 0;
    k.obs_intercept = views_take(&views, given, "obs_intercept", 'd', 1, 0);
    k.obs_moves = k.obs_intercept && views.view[views.count - 1].len / 8 >= k.nobs;
    k.intercept = views_take(&views, intercept, "intercept", 'd', k.states, 0);
    k.moves =
        k.intercept && views.view[views.count - 1].len / 8 >= k.nobs * k.states ? k.states : 0;
    k.design = views_take(&views, design, "design", 'd', k.states, 0);
    k.transition = views_take(&views, transition, "transition", 'd', k.states * k.states, 0);
    k.selection = views_take(&views, selection, "selection", 'd', k.states, 0);
    k.initial_cov = views_take(&views, cov, "initial_cov", 'd', k.states * k.states, 0);
    double *found = views_take(&views, out, "out", 'd', k.nobs, 1);
    if (!PyErr_Occurred()) {
        Py_BEGIN_ALLOW_THREADS defined = kalman_loglikelihood(&k, found);
        Py_END_ALLOW_THREADS
    }
    PyObject *finished = PyErr_Occurred() ? NULL : PyBool_FromLong(defined == 0);
    if (finished != NULL && defined < 0) {
        Py_DECREF(finished);
        finished = PyErr_NoMemory();
    }
    views_close(&views);
    return finished;
}
