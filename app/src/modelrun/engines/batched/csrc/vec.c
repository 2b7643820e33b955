#include "vec.h"

#include "versioned.h"

#define BLOCK 256 /* rows whose columns stay in the first-level cache */

#ifdef MODELRUN_IFUNC

#define LOCAL static

#define WIDTH 8
#define TARGET __attribute__((target("avx512f")))
#define NAMED(name) name##_avx512f
#include "vec_lanes.h"

#define WIDTH 4
#define TARGET __attribute__((target("avx2")))
#define NAMED(name) name##_avx2
#include "vec_lanes.h"

#define WIDTH 2
#define TARGET
#define NAMED(name) name##_baseline
#include "vec_lanes.h"

/* The name by which others call a function, bound to one of the three when it is first called. */
#define PUBLIC(type, name, parameters)                                                             \
    static type(*pick_##name(void)) parameters                                                     \
    {                                                                                              \
        __builtin_cpu_init();                                                                      \
        return __builtin_cpu_supports("avx512f") ? name##_avx512f                                  \
               : __builtin_cpu_supports("avx2")  ? name##_avx2                                     \
                                                 : name##_baseline;                                \
    }                                                                                              \
    type name parameters __attribute__((ifunc("pick_" #name)));

PUBLIC(double, vec_dot, (const double *a, const double *b, ptrdiff_t n))
PUBLIC(void, vec_dots,
       (const double *q, ptrdiff_t ld, int k, const double *v, ptrdiff_t n, double *c))
PUBLIC(void, vec_gram,
       (const double *q, ptrdiff_t ld, int k, const double *w, ptrdiff_t n, double *c))
PUBLIC(void, vec_subtract,
       (const double *q, ptrdiff_t ld, int k, const double *c, double *v, ptrdiff_t n))
PUBLIC(void, vec_combine,
       (const double *q, ptrdiff_t ld, int k, const double *c, double *v, ptrdiff_t n))
PUBLIC(void, vec_scale, (double *v, double factor, ptrdiff_t n))
PUBLIC(void, vec_multiply, (const double *a, const double *b, double *out, ptrdiff_t n))
PUBLIC(void, vec_leverage, (const double *q, ptrdiff_t ld, int k, double *h, ptrdiff_t n))
PUBLIC(void, vec_filter,
       (const double *u, const double *weight, int lags, double *z, ptrdiff_t n))
PUBLIC(void, vec_check_weights,
       (const double *y, const double *fitted, double q, double *w, ptrdiff_t n))

#else

#define LOCAL
#define WIDTH 2
#define TARGET
#define NAMED(name) name
#include "vec_lanes.h"

#endif
