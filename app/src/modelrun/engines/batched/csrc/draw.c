/* Philox4x64-10 of Salmon, Moraes, Dror and Shaw (2011), counters 1, 2, 3, ... as NumPy has it. */
#include "draw.h"

#include <string.h>

#include "versioned.h"

#define ROUNDS 10
#define MULTIPLIER_0 0xD2E7470EE14C6C93ULL
#define MULTIPLIER_1 0xCA5A826395121157ULL
#define WEYL_0 0x9E3779B97F4A7C15ULL
#define WEYL_1 0xBB67AE8584CAA73BULL
#define BATCH 64 /* draws at once, four to a counter */

typedef struct {
    uint64_t key0, key1, counter, words[4];
    int used;
} Stream;

static uint64_t high_product(uint64_t a, uint64_t b, uint64_t *low)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    *low = (uint64_t)product;
    return (uint64_t)(product >> 64);
}

static void philox(uint64_t counter, uint64_t key0, uint64_t key1, uint64_t *out)
{
    uint64_t c0 = counter, c1 = 0, c2 = 0, c3 = 0;
    for (int round = 0; round < ROUNDS; ++round) {
        uint64_t low0, low1;
        uint64_t high0 = high_product(MULTIPLIER_0, c0, &low0);
        uint64_t high1 = high_product(MULTIPLIER_1, c2, &low1);
        c0 = high1 ^ c1 ^ key0;
        c1 = low1;
        c2 = high0 ^ c3 ^ key1;
        c3 = low0;
        key0 += WEYL_0;
        key1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static ptrdiff_t next_below(Stream *s, ptrdiff_t below)
{
    if (s->used == 4) {
        philox(++s->counter, s->key0, s->key1, s->words);
        s->used = 0;
    }
    return (ptrdiff_t)((double)(s->words[s->used++] >> 11) * 0x1p-53 * (double)below);
}

static void batch_baseline(Stream *s, double below, int32_t *rows)
{
    for (int k = 0; k < BATCH; ++k)
        rows[k] = (int32_t)next_below(s, (ptrdiff_t)below);
}

#ifdef MODELRUN_IFUNC

#include <immintrin.h>

/* The same for eight counters in a register, in the order of their words: for those who count, the
 * order of a batch means nothing.  A product of 64 bits is four of 32.
 */
#define TARGET __attribute__((target("avx512f,avx512dq")))

TARGET static INLINE __m512i high_products(uint64_t a, __m512i b, __m512i *low)
{
    const __m512i half = _mm512_set1_epi64(0xFFFFFFFF);
    __m512i a0 = _mm512_set1_epi64((long long)(a & 0xFFFFFFFF)),
            a1 = _mm512_set1_epi64((long long)(a >> 32)), b1 = _mm512_srli_epi64(b, 32);
    __m512i lowest = _mm512_mul_epu32(a0, b);
    __m512i middle =
        _mm512_add_epi64(_mm512_srli_epi64(lowest, 32), _mm512_mul_epu32(a1, b));
    __m512i other = _mm512_add_epi64(_mm512_and_si512(middle, half), _mm512_mul_epu32(a0, b1));
    *low = _mm512_mask_blend_epi32(0xAAAA, lowest, _mm512_slli_epi64(other, 32));
    __m512i carried = _mm512_add_epi64(_mm512_srli_epi64(middle, 32), _mm512_srli_epi64(other, 32));
    return _mm512_add_epi64(_mm512_mul_epu32(a1, b1), carried);
}

TARGET static INLINE void put(__m512i word, double below, int32_t *rows)
{
    __m512d share = _mm512_cvtepu64_pd(_mm512_srli_epi64(word, 11));
    share = _mm512_mul_pd(share, _mm512_set1_pd(0x1p-53));
    __m256i row = _mm512_cvttpd_epi32(_mm512_mul_pd(share, _mm512_set1_pd(below)));
    _mm256_storeu_si256((__m256i *)rows, row);
}

TARGET static void batch_avx512dq(Stream *s, double below, int32_t *rows)
{
    enum { REGISTERS = 2 }; /* one alone would wait for its own products */
    const __m512i eight = _mm512_setr_epi64(1, 2, 3, 4, 5, 6, 7, 8);
    uint64_t key0 = s->key0, key1 = s->key1;
    __m512i c0[REGISTERS], c1[REGISTERS], c2[REGISTERS], c3[REGISTERS];
    for (int v = 0; v < REGISTERS; ++v) {
        c0[v] = _mm512_add_epi64(_mm512_set1_epi64((long long)s->counter + 8 * v), eight);
        c1[v] = c2[v] = c3[v] = _mm512_setzero_si512();
    }
#pragma GCC unroll 10
    for (int round = 0; round < ROUNDS; ++round) {
        __m512i k0 = _mm512_set1_epi64((long long)key0), k1 = _mm512_set1_epi64((long long)key1);
#pragma GCC unroll 2
        for (int v = 0; v < REGISTERS; ++v) {
            __m512i low0, low1;
            __m512i high0 = high_products(MULTIPLIER_0, c0[v], &low0);
            __m512i high1 = high_products(MULTIPLIER_1, c2[v], &low1);
            c0[v] = _mm512_xor_si512(_mm512_xor_si512(high1, c1[v]), k0);
            c1[v] = low1;
            c2[v] = _mm512_xor_si512(_mm512_xor_si512(high0, c3[v]), k1);
            c3[v] = low0;
        }
        key0 += WEYL_0;
        key1 += WEYL_1;
    }
    for (int v = 0; v < REGISTERS; ++v, rows += 32) {
        put(c0[v], below, rows);
        put(c1[v], below, rows + 8);
        put(c2[v], below, rows + 16);
        put(c3[v], below, rows + 24);
    }
    s->counter += 8 * REGISTERS;
}

static __typeof__(batch_baseline) *pick_batch(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512dq") ? batch_avx512dq : batch_baseline;
}
static __typeof__(batch_baseline) batch __attribute__((ifunc("pick_batch")));

#else
#define batch batch_baseline
#endif

static void add(double *count, int32_t class)
{
    if (class >= 0)
        count[class] += 1;
}

void draw_counts(const Draw *draw, uint64_t replicate, ptrdiff_t n, const int32_t *class_of,
                 ptrdiff_t classes, double *count)
{
    Stream s = {draw->seed, replicate, 0, {0}, 4};
    ptrdiff_t done = 0;
    memset(count, 0, sizeof(double) * classes);
    if (draw->block == 0) {
        int32_t rows[BATCH];
        for (; n <= INT32_MAX && done + BATCH <= n; done += BATCH) {
            batch(&s, (double)n, rows);
            for (int k = 0; k < BATCH; ++k)
                add(count, class_of[rows[k]]);
        }
        for (; done < n; ++done)
            add(count, class_of[next_below(&s, n)]);
        return;
    }
    ptrdiff_t block = draw->block < n ? draw->block : n;
    while (done < n) {
        ptrdiff_t first = next_below(&s, n - block + 1);
        for (ptrdiff_t i = 0; i < block && done < n; ++i, ++done)
            add(count, class_of[first + i]);
    }
}
