/* Philox4x64-10 of Salmon, Moraes, Dror and Shaw (2011), counters 1, 2, 3, ... as NumPy has it. */
#include "draw.h"

#include <string.h>

#define ROUNDS 10

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
        uint64_t high0 = high_product(0xD2E7470EE14C6C93ULL, c0, &low0);
        uint64_t high1 = high_product(0xCA5A826395121157ULL, c2, &low1);
        c0 = high1 ^ c1 ^ key0;
        c1 = low1;
        c2 = high0 ^ c3 ^ key1;
        c3 = low0;
        key0 += 0x9E3779B97F4A7C15ULL;
        key1 += 0xBB67AE8584CAA73BULL;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

typedef struct {
    uint64_t key0, key1, counter, words[4];
    int used;
} Stream;

static ptrdiff_t next_below(Stream *s, ptrdiff_t below)
{
    if (s->used == 4) {
        philox(++s->counter, s->key0, s->key1, s->words);
        s->used = 0;
    }
    return (ptrdiff_t)((double)(s->words[s->used++] >> 11) * 0x1p-53 * (double)below);
}

void draw_counts(const Draw *draw, uint64_t replicate, ptrdiff_t n, const int32_t *class_of,
                 ptrdiff_t classes, double *count)
{
    Stream s = {draw->seed, replicate, 0, {0}, 4};
    memset(count, 0, sizeof(double) * classes);
    if (draw->block == 0) {
        for (ptrdiff_t i = 0; i < n; ++i) {
            int32_t c = class_of[next_below(&s, n)];
            if (c >= 0)
                count[c] += 1;
        }
        return;
    }
    ptrdiff_t block = draw->block < n ? draw->block : n;
    for (ptrdiff_t done = 0; done < n;) {
        ptrdiff_t first = next_below(&s, n - block + 1);
        for (ptrdiff_t i = 0; i < block && done < n; ++i, ++done) {
            int32_t c = class_of[first + i];
            if (c >= 0)
                count[c] += 1;
        }
    }
}
