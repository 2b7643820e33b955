/* One version of a function for each instruction set, the best of which is picked once per process.
 * It needs ifunc, which glibc has; elsewhere the baseline is used.
 */
#ifndef MODELRUN_VERSIONED_H
#define MODELRUN_VERSIONED_H

#include <stdlib.h>

#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(MODELRUN_BASELINE)
#define MODELRUN_IFUNC
#define VERSIONED __attribute__((target_clones("avx512f", "avx2", "default")))
#define VERSIONED_FMA __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define VERSIONED
#define VERSIONED_FMA
#endif

#endif
