/* Copies of what a block of a contraction reads of its factors, in the order in which they are read. */
#ifndef GRADSCRIBE_PANELS_H
#define GRADSCRIBE_PANELS_H

#include "vector.h"

#if PANELS
#if SPREAD
#define FROM_B(v) ((v) / SPREAD * (ptrdiff_t)RG_B + (v) % SPREAD * (ptrdiff_t)RV_B)
#define FROM_U(u) ((u) / EC * (ptrdiff_t)RU_B + (u) % EC * (ptrdiff_t)RC_B)
#define ROWS_B (RV_B == 1 && RG_B == SPREAD)
#else
#define FROM_B(v) ((v) * (ptrdiff_t)RV_B)
#define FROM_U(u) ((u) * (ptrdiff_t)RU_B)
#define ROWS_B (RV_B == 1)
#endif
/* Panels: b for blocks of v and a block of sums, in the order in which they are read; v beyond EV are 0. */
static void pack(const REAL *b, long first, long last, long qs, REAL *to)
{
    for (long s0 = 0; s0 < qs; s0++)
        for (long s1 = 0; s1 < S1; s1++)
            for (long s2 = 0; s2 < S2; s2++)
                for (long u = 0; u < (long)EU * EC; u++, to += BLOCK)
                    for (long k = first; k < last; k++) {
                        const REAL *from = AT(b, s0, R0_B, s1, R1_B, s2, R2_B) + FROM_U(u);
                        const long vs = k == BLOCKS - 1 ? TAIL : BLOCK, whole = vs == BLOCK ? BLOCK : TAIL - LEFT;
                        REAL *next = to + (k - first) * PANEL;
                        if (ROWS_B)
                            memcpy(next, from + k * BLOCK, whole * sizeof(REAL));
                        for (long v = ROWS_B ? whole : 0; v < BLOCK; v++) {
                            const long at = v < whole ? v : v - BACK;
                            next[v] = at < vs ? from[FROM_B(k * BLOCK + at)] : 0;
                        }
                    }
}
#endif

#if STRIPS
/* The same of a, for the m of a tile. */
static void strip(const REAL *a, long ms, long qs, REAL *to)
{
    for (long s0 = 0; s0 < qs; s0++)
        for (long s1 = 0; s1 < S1; s1++)
            for (long s2 = 0; s2 < S2; s2++) {
                const REAL *from = AT(a, s0, R0_A, s1, R1_A, s2, R2_A);
                for (long u = 0; u < EU; u++, to += MR, from += RU_A)
                    if (RM_A == 1 && ms == MR)
                        memcpy(to, from, MR * sizeof(REAL));
                    else
                        for (long m = 0; m < ms; m++)
                            to[m] = from[m * (ptrdiff_t)RM_A];
            }
}
#endif

#endif
