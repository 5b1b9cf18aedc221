/* Sums whose vectors run along groups: SPREAD lanes of a group read the same number of a place of a, which has DEPTH
   numbers of each group next to each other; where both are 1 a vector is read as it lies. Places are SLIDE elements
   apart; rows go SLIDE_M of them along, summands SLIDE_U: what has been read of one, and spread, serves all rows and
   summands that meet there. */
#ifndef GRADSCRIBE_SLIDE_H
#define GRADSCRIBE_SLIDE_H

#include "vector.h"

#if SPREAD
#define EC (DEPTH_M ? 1 : DEPTH) /* of what has groups */
#define BEYOND LANES /* of a box: elements that the last vector may read */
#define UNROLL_ALL _Pragma("GCC unroll 256")

/* Number c of each group at a place, for the lanes of a vector, the first of which is so many of a block; so many lanes
   where they are groups. */
INLINE vec spread(const REAL *place, const int first, const int c, const int lanes)
{
    if (SPREAD * DEPTH == 1)
        return load(place + first, lanes);
    const int low = first / SPREAD * DEPTH, last = (first + LANES < EV ? first + LANES : EV) - 1;
    const int most = (last / SPREAD * DEPTH + c - low) / LANES; /* vectors behind the first one */
    vec value = load(place + low, LANES);
#if LANES > 1
    UNROLL for (int j = 1; j < DEPTH / SPREAD + 3; j++) {
        if (j > most && j > 1)
            break;
        const vec next = load(place + low + (j <= most ? j * LANES : 0), LANES);
        lane_numbers from;
        UNROLL for (int k = 0; k < LANES; k++) {
            const int at = (first + k <= last ? first + k : last) / SPREAD * DEPTH + c - low;
            from[k] = at / LANES == j ? LANES + at % LANES : at / LANES == 0 && j == 1 ? at : k;
        }
        value = choose(value, next, from);
    }
#endif
    return value;
}

/* Add `us` summands to so many rows; or, if these are the DEPTH numbers, to those of so many places. */
INLINE void slide(vec sums[MR][NV], const REAL *a, const REAL *b, const int us, const int rows, const int nv,
                  const int back, const int lanes)
{
    const int m_most = (rows - 1) * SLIDE_M, u_most = (us - 1) * SLIDE_U;
    const int low = (m_most < 0 ? m_most : 0) + (u_most < 0 ? u_most : 0);
    const int high = (m_most < 0 ? 0 : m_most) + (u_most < 0 ? 0 : u_most);
    UNROLL for (int c = 0; c < DEPTH; c++) {
        vec row[SLIDES][NV];
        UNROLL for (int u = 0; u < us; u++)
            UNROLL for (int v = 0; v < nv; v++) {
                row[u][v] = load(b + u * (ptrdiff_t)BU + c * (ptrdiff_t)BC + v * LANES, LANES);
                HOLD(row[u][v]);
            }
        UNROLL_ALL for (int p = low; p <= high; p++)
            UNROLL for (int v = 0; v < nv; v++) {
                const int last = v == nv - 1;
                const vec value = spread(a + p * (ptrdiff_t)SLIDE, v * LANES - (last ? back : 0), c,
                                         last ? lanes : LANES);
                UNROLL for (int u = 0; u < us; u++) {
                    const int m = (p - u * SLIDE_U) / SLIDE_M;
                    if (m * SLIDE_M == p - u * SLIDE_U && m >= 0 && m < rows)
                        sums[DEPTH_M ? m * DEPTH + c : m][v] += value * row[u][v];
                }
            }
    }
}

/* The same for as many summands as there are, to mr rows. */
INLINE void slide_all(vec sums[MR][NV], const REAL *a, const REAL *b, const int us, const int mr, const int nv,
                      const int back, const int lanes)
{
    const int rows = DEPTH_M ? mr / DEPTH : mr < WIDE ? mr : WIDE;
    UNROLL for (int x2 = 0; x2 < (DEPTH_M ? 1 : mr / rows); x2++) {
        const REAL *from = a + x2 * (ptrdiff_t)X2_A;
        int u = 0;
        for (; u + SLIDES <= us; u += SLIDES)
            slide(sums + x2 * rows, from + u * (ptrdiff_t)AU, b + u * (ptrdiff_t)BU, SLIDES, rows, nv, back, lanes);
        if (EU % SLIDES && u < us)
            slide(sums + x2 * rows, from + u * (ptrdiff_t)AU, b + u * (ptrdiff_t)BU, EU % SLIDES ? EU % SLIDES : 1,
                  rows, nv, back, lanes);
    }
}

#else
#define EC 1
#define BEYOND 0
#define slide_all(sums, a, b, us, rows, nv, back, lanes) ((void)(sums))
#endif
#endif
