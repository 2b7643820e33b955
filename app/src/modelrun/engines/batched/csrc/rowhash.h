/* Hashes of ranges of rows over some columns, in two lanes; see modelrun.plan.hashing. */
#ifndef MODELRUN_ROWHASH_H
#define MODELRUN_ROWHASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_PAGE 65536 /* length of the tables of powers */

typedef enum { HASH_PLAIN, HASH_FLOAT, HASH_TIME } HashKind;

typedef struct {
    const uint64_t *words; /* n values as they lie in memory */
    HashKind kind;         /* which of them are missing: none, NaN, the smallest integer */
    uint64_t salt[2];
} HashColumn;

typedef struct {
    const uint64_t *low[2]; /* M^0 to M^(HASH_PAGE - 1), of either lane */
    uint64_t page[2];       /* M^HASH_PAGE */
    uint64_t gap;           /* the word of a missing value */
} HashPowers;

/* out[lane][i] = sum_j h_j M^j over the rows start[i] + j before stop[i] */
void rowhash(const HashColumn *columns, int count, const HashPowers *powers, const int64_t *start,
             const int64_t *stop, ptrdiff_t ranges, uint64_t *const out[2]);

#endif
