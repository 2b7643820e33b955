/* Nonrobust least squares over moving windows by sliding-window aggregation. */
#ifndef MODELRUN_ROLLING_H
#define MODELRUN_ROLLING_H

#include "ols.h"

/* Windows [start, stop) of one segment share an origin (its first row).  Blocks of `block` rows are
 * counted from the origin, so a result depends on its window alone, never on which other windows
 * the call holds.  Returns 0, or -1 when memory ran out.
 */
int rolling_fit(const Frame *frame, const int64_t *start, const int64_t *stop,
                const int64_t *origin, ptrdiff_t fits, int block, const LinearOptions *options,
                const LinearOutput *out);

#endif
