#include <Python.h>
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_kernels", "Compiled kernels of the batched engine.", -1, NULL};
PyMODINIT_FUNC PyInit__kernels(void) { return PyModule_Create(&def); }
