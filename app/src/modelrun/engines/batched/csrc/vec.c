#include "vec.h"

#include <math.h>

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
#define PUBLIC(name)                                                                               \
    static __typeof__(name) *pick_##name(void)                                                     \
    {                                                                                              \
        __builtin_cpu_init();                                                                      \
        return __builtin_cpu_supports("avx512f") ? name##_avx512f                                  \
               : __builtin_cpu_supports("avx2")  ? name##_avx2                                     \
                                                 : name##_baseline;                                \
    }                                                                                              \
    __typeof__(name) name __attribute__((ifunc("pick_" #name)));

PUBLIC(vec_dot)
PUBLIC(vec_dots)
PUBLIC(vec_gram)
PUBLIC(vec_subtract)
PUBLIC(vec_combine)
PUBLIC(vec_scale)
PUBLIC(vec_multiply)
PUBLIC(vec_leverage)
PUBLIC(vec_filter)
PUBLIC(vec_check_weights)
PUBLIC(vec_signs_turn)

#else

#define LOCAL
#define WIDTH 2
#define TARGET
#define NAMED(name) name
#include "vec_lanes.h"

#endif

double vec_largest(const double *v, ptrdiff_t n)
{
    double found = 0.0;
    for (ptrdiff_t i = 0; i < n; ++i)
        found = fmax(found, fabs(v[i]));
    return found;
}

double vec_apart(const double *a, const double *b, ptrdiff_t n)
{
    double found = 0.0;
    for (ptrdiff_t i = 0; i < n; ++i)
        found = fmax(found, fabs(a[i] - b[i]));
    return found;
}
