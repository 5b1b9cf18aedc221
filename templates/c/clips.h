/* Sums that end where a window leaves the first factor of a contraction. */
#ifndef GRADSCRIBE_CLIPS_H
#define GRADSCRIBE_CLIPS_H

#include <string.h>

#include "vector.h"

/* Which values the inner sums have: all of them, or fewer where windows leave a. */
struct sums {
    int low[4], high[4];
};

#if CLIPS
/* Of every axis of a that windows leave: its size, where indices 0 lead to, how far x0, m and parts move along it, and
   which inner sum does, how far. */
static const long c_size[] = C_SIZE, c_start[] = C_START, c_x[] = C_X, c_m[] = C_M, c_step[] = C_STEP;
static const int c_s[] = C_S;
static const long c_part[][PS] = C_PART;

INLINE long quotient(long value, long divisor)
{
    return value / divisor - (value % divisor < 0);
}

/* The values of the inner sum that moves along axis c for which a position is within it. */
INLINE void limit(struct sums *s, int c, long position)
{
    const long back = c_step[c] < 0 ? -c_step[c] : c_step[c], to = c_size[c] - 1 - position;
    const long low = c_step[c] < 0 ? -quotient(to, back) : -quotient(position, back);
    const long high = quotient(c_step[c] < 0 ? position : to, back) + 1;
    const int k = c_s[c];
    if (low > s->low[k])
        s->low[k] = low < s->high[k] ? (int)low : s->high[k];
    if (high < s->high[k])
        s->high[k] = high > s->low[k] ? (int)high : s->low[k];
}

/* Whether all rows from m on, so many, have all summands. */
INLINE int inside(const struct sums s, const long *start, long m, long number)
{
    struct sums found = s;
    for (int c = 0; c < CLIPS; c++)
        if (c_m[c]) {
            limit(&found, c, start[c] + m * c_m[c]);
            limit(&found, c, start[c] + (m + number - 1) * c_m[c]);
        }
    return !memcmp(&found, &s, sizeof s);
}
#endif
#endif
