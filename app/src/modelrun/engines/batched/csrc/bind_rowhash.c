/* Hashes of rows: buffers in, buffers filled, no GIL in between. */
#include "bind.h"

#include "rowhash.h"

PyObject *bind_rowhash(PyObject *module, PyObject *args)
{
    PyObject *words, *salts, *kinds, *low[2], *page, *start, *stop, *out[2];
    unsigned long long gap;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OOOOOKOOOO:rowhash", &PyTuple_Type, &words, &kinds, &salts,
                          &low[0], &low[1], &page, &gap, &start, &stop, &out[0], &out[1]))
        return NULL;
    Views views;
    int count = (int)PyTuple_Size(words);
    if (!views_open(&views, count + 16))
        return NULL;
    HashColumn *columns = PyMem_Calloc((size_t)count + 1, sizeof(HashColumn));
    HashPowers powers = {.gap = gap};
    const int64_t *starts, *stops;
    const int8_t *kind = views_take(&views, kinds, "kinds", 'b', count, 0);
    const uint64_t *salt = views_take(&views, salts, "salts", 'q', 2 * count, 0);
    const uint64_t *pages = views_take(&views, page, "page", 'q', 2, 0);
    uint64_t *found[2];
    Py_ssize_t rows = PY_SSIZE_T_MAX, ranges = -1;
    for (int c = 0; columns && kind && salt && c < count; ++c) {
        const Py_buffer *view = &views.view[views.count];
        columns[c].words = views_take(&views, PyTuple_GetItem(words, c), "words", 'q', 0, 0);
        if (PyErr_Occurred())
            break;
        rows = view->len / 8 < rows ? view->len / 8 : rows;
        columns[c].kind = (HashKind)kind[c];
        columns[c].salt[0] = salt[2 * c];
        columns[c].salt[1] = salt[2 * c + 1];
    }
    if (columns == NULL)
        PyErr_NoMemory();
    if (!PyErr_Occurred())
        ranges = views_slices(&views, start, stop, rows, &starts, &stops);
    for (int lane = 0; lane < 2; ++lane) {
        powers.low[lane] = views_take(&views, low[lane], "low", 'q', HASH_PAGE, 0);
        found[lane] = views_take(&views, out[lane], "out", 'q', ranges, 1);
        powers.page[lane] = pages ? pages[lane] : 0;
    }
    if (!PyErr_Occurred()) {
        Py_BEGIN_ALLOW_THREADS rowhash(columns, count, &powers, starts, stops, ranges, found);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(columns);
    if (PyErr_Occurred()) {
        views_close(&views);
        return NULL;
    }
    return views_finish(&views, 0);
}
