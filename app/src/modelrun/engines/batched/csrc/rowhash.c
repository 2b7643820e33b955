/* One pass over the columns, in blocks of rows that stay in the cache: a third of the time of the
 * same in NumPy, and no memory for the prefix sums of ranges that do not overlap.
 */
#include "rowhash.h"

#include <string.h>

#include "versioned.h"

#define BLOCK 256

static INLINE uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static INLINE uint64_t present(uint64_t word, HashKind kind, uint64_t gap)
{
    uint64_t magnitude = word & UINT64_C(0x7FFFFFFFFFFFFFFF);
    int nan = kind == HASH_FLOAT && magnitude > UINT64_C(0x7FF0000000000000);
    int nat = kind == HASH_TIME && word == UINT64_C(0x8000000000000000);
    return nan || nat ? gap : word;
}

/* Add n values of a column to the sums of their rows. */
static INLINE void add(const HashColumn *column, HashKind kind, ptrdiff_t from, ptrdiff_t n,
                       uint64_t gap, uint64_t *first, uint64_t *second)
{
    const uint64_t *words = column->words + from;
    for (ptrdiff_t i = 0; i < n; ++i) {
        uint64_t mixed = mix(present(words[i], kind, gap) ^ column->salt[0]);
        first[i] += mixed;
        second[i] += mixed * column->salt[1];
    }
}

VERSIONED void rowhash(const HashColumn *columns, int count, const HashPowers *powers,
                       const int64_t *start, const int64_t *stop, ptrdiff_t ranges,
                       uint64_t *const out[2])
{
    uint64_t first[BLOCK], second[BLOCK];
    for (ptrdiff_t r = 0; r < ranges; ++r) {
        uint64_t total[2] = {0, 0}, high[2] = {1, 1};
        for (ptrdiff_t done = 0, length = stop[r] - start[r]; done < length; done += BLOCK) {
            ptrdiff_t n = length - done < BLOCK ? length - done : BLOCK, at = done % HASH_PAGE;
            if (done && at == 0) {
                high[0] *= powers->page[0];
                high[1] *= powers->page[1];
            }
            memset(first, 0, sizeof first);
            memset(second, 0, sizeof second);
            for (int c = 0; c < count; ++c) {
                ptrdiff_t from = start[r] + done;
                if (columns[c].kind == HASH_FLOAT)
                    add(columns + c, HASH_FLOAT, from, n, powers->gap, first, second);
                else if (columns[c].kind == HASH_TIME)
                    add(columns + c, HASH_TIME, from, n, powers->gap, first, second);
                else
                    add(columns + c, HASH_PLAIN, from, n, powers->gap, first, second);
            }
            uint64_t sum[2] = {0, 0};
            for (ptrdiff_t i = 0; i < n; ++i) {
                sum[0] += mix(first[i]) * powers->low[0][at + i];
                sum[1] += mix(second[i]) * powers->low[1][at + i];
            }
            total[0] += sum[0] * high[0];
            total[1] += sum[1] * high[1];
        }
        out[0][r] = total[0];
        out[1][r] = total[1];
    }
}
