/* Bootstrap replicates: buffers in, buffers filled, no GIL in between. */
#include "bind.h"

#include <string.h>

#include "resample.h"

/* What each of the functions is given, in this order, with its own options before the results. */
typedef struct {
    PyObject *columns, *offset, *y, *pattern_of, *pair_of, *replicate;
    unsigned long long seed;
    Py_ssize_t block;
    PyObject *coefficients, *statistics, *status, *reasons;
} Given;

#define SLICE(g)                                                                                   \
    &PyTuple_Type, &g.columns, &g.offset, &g.y, &g.pattern_of, &g.pair_of, &g.seed, &g.block,      \
        &g.replicate
#define RESULTS(g) &PyTuple_Type, &g.coefficients, &g.statistics, &g.status, &g.reasons

typedef struct {
    Views views;
    Distinct distinct;
    Draw draw;
    const int64_t *replicate;
    Py_ssize_t fits;
    Coefficients coefficients;
    double *statistics;
    int8_t *status;
    uint16_t *reasons;
} Taken;

#define FILLED(t)                                                                                  \
    {.coefficients = t.coefficients,                                                               \
     .statistics = t.statistics,                                                                   \
     .status = t.status,                                                                           \
     .reasons = t.reasons}

/* Fill what describes the distinct rows; 0 on error. */
static int views_distinct(Views *views, const Given *given, Distinct *d)
{
    Frame patterns;
    /* the pattern of each pair is taken first: it says how many pairs there are */
    d->pattern_of = views_take(views, given->pattern_of, "pattern_of", 'i', 0, 0);
    if (d->pattern_of == NULL)
        return 0;
    d->pairs = views->view[views->count - 1].len / 4;
    d->y = views_take(views, given->y, "y", 'd', d->pairs, 0);
    d->pair_of = views_take(views, given->pair_of, "pair_of", 'i', 0, 0);
    if (d->y == NULL || d->pair_of == NULL)
        return 0;
    d->rows = views->view[views->count - 1].len / 4;
    if (!views_frame(views, given->columns, given->offset, Py_None, Py_None, &d->patterns, &patterns))
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

/* All buffers, with `width` statistics a fit; 0 on error, and nothing to close then. */
static int taken(Taken *t, const Given *given, Py_ssize_t width)
{
    memset(t, 0, sizeof *t);
    if (!views_open(&t->views, (int)PyTuple_Size(given->columns) + 32))
        return 0;
    t->draw = (Draw){given->seed, given->block};
    t->replicate = views_take(&t->views, given->replicate, "replicates", 'q', 0, 0);
    t->fits = t->replicate ? t->views.view[t->views.count - 1].len / 8 : 0;
    if (t->replicate != NULL && views_distinct(&t->views, given, &t->distinct)) {
        Py_ssize_t items = t->fits * t->distinct.p;
        views_coefficients(&t->views, given->coefficients, items, &t->coefficients);
        t->statistics =
            views_take(&t->views, given->statistics, "statistics", 'd', t->fits * width, 1);
        t->status = views_take(&t->views, given->status, "status", 'b', t->fits, 1);
        t->reasons = views_take(&t->views, given->reasons, "reasons", 'H', t->fits, 1);
    }
    if (PyErr_Occurred()) {
        views_close(&t->views);
        return 0;
    }
    return 1;
}

PyObject *bind_resample_ols(PyObject *module, PyObject *args)
{
    Given g;
    Taken t;
    LinearOptions o = {0};
    PyObject *weight, *group;
    int groups;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOKnO(OOi)(iiiiiiid)O!OOO:resample_ols", SLICE(g), &weight,
                          &group, &groups, &o.sandwich.covariance, &o.sandwich.correction,
                          &o.sandwich.df_correction, &o.use_t, &o.constant, &o.robust_f,
                          &o.exact_condition, &o.level, RESULTS(g)) ||
        !taken(&t, &g, LIN_COUNT))
        return NULL;
    t.distinct.weight = views_take(&t.views, weight, "weight", 'd', t.distinct.pairs, 0);
    t.distinct.group = views_groups(&t.views, group, t.distinct.patterns, groups);
    t.distinct.groups = groups;
    if (PyErr_Occurred()) {
        views_close(&t.views);
        return NULL;
    }
    LinearOutput out = FILLED(t);
    int failed;
    Py_BEGIN_ALLOW_THREADS failed =
        resample_ols(&t.distinct, &t.draw, t.replicate, t.fits, &o, &out);
    Py_END_ALLOW_THREADS return views_finish(&t.views, failed);
}

PyObject *bind_resample_likelihood(PyObject *module, PyObject *args)
{
    Given g;
    Taken t;
    LikelihoodOptions o = {.tolerance = 1e-8};
    int shifted;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOKnO(iiiidi)(iid)O!OOO:resample_likelihood", SLICE(g),
                          &shifted, &o.newton, &o.family, &o.link, &o.alpha, &o.max_iterations,
                          &o.use_t, &o.null_model, &o.level, RESULTS(g)) ||
        !taken(&t, &g, LIK_COUNT))
        return NULL;
    if (!shifted)
        t.distinct.offset = NULL;
    LikelihoodOutput out = FILLED(t);
    int failed;
    Py_BEGIN_ALLOW_THREADS failed =
        resample_likelihood(&t.distinct, &t.draw, t.replicate, t.fits, &o, &out);
    Py_END_ALLOW_THREADS return views_finish(&t.views, failed);
}

PyObject *bind_resample_rows(PyObject *module, PyObject *args)
{
    Given g;
    Taken t;
    LikelihoodOptions o = {.tolerance = 1e-8};
    PyObject *freq, *var, *group;
    int groups, shifted;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOKnO(OOOi)(iiiidi)(iii)(iid)O!OOO:resample_rows", SLICE(g),
                          &freq, &var, &group, &groups, &shifted, &o.newton, &o.family, &o.link,
                          &o.alpha, &o.max_iterations, &o.sandwich.covariance,
                          &o.sandwich.correction, &o.sandwich.df_correction, &o.use_t,
                          &o.null_model, &o.level, RESULTS(g)) ||
        !taken(&t, &g, LIK_COUNT))
        return NULL;
    Distinct *d = &t.distinct;
    LikelihoodInputs inputs = {.offset = shifted ? d->offset : NULL};
    inputs.freq = views_take(&t.views, freq, "freq_weights", 'd', d->pairs, 0);
    inputs.var = views_take(&t.views, var, "var_weights", 'd', d->pairs, 0);
    d->group = views_groups(&t.views, group, d->pairs, groups);
    d->groups = groups;
    if (d->patterns != d->pairs && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "every pair needs a pattern of its own");
    if (PyErr_Occurred()) {
        views_close(&t.views);
        return NULL;
    }
    Frame frame = {.p = d->p, .x = d->x, .y = d->y};
    LikelihoodOutput out = FILLED(t);
    int failed;
    Py_BEGIN_ALLOW_THREADS failed = resample_rows(&frame, &inputs, d, &t.draw, t.replicate, t.fits,
                                                  &o, &out);
    Py_END_ALLOW_THREADS return views_finish(&t.views, failed);
}

PyObject *bind_resample_quantile(PyObject *module, PyObject *args)
{
    Given g;
    Taken t;
    QuantileOptions o;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOKnO(diiiidiiidi)O!OOO:resample_quantile", SLICE(g), &o.q,
                          &o.robust, &o.kernel, &o.bandwidth, &o.max_iterations, &o.tolerance,
                          &o.check, &o.use_t, &o.constant, &o.level, &o.exact, RESULTS(g)) ||
        !taken(&t, &g, QUANT_COUNT))
        return NULL;
    QuantileOutput out = FILLED(t);
    int failed;
    Py_BEGIN_ALLOW_THREADS failed =
        resample_quantile(&t.distinct, &t.draw, t.replicate, t.fits, &o, &out);
    Py_END_ALLOW_THREADS return views_finish(&t.views, failed);
}
