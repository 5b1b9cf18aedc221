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
#define VALUES(k) ((k) == BLOCKS - 1 ? TAIL : BLOCK) /* of v in a block; those of the last vector may begin before */
#define BEFORE_LAST(k) ((k) == BLOCKS - 1 && TAIL < BLOCK ? TAIL - LEFT : BLOCK)

#if TURNED
/* All u of blocks, at a place of the other sums: in b they lie next to each other, in panels all v of a block do. */
static void pack_place(const REAL *b, long first, long last, REAL *to)
{
    for (long k = first; k < last; k++, to += PANEL)
        for (long v0 = 0; v0 < BLOCK; v0 += LANES)
            for (long u = 0; u < EU; u += LANES) {
                const int us = EU - u < LANES ? EU % LANES : LANES;
                vec block[LANES];
                UNROLL for (int n = 0; n < LANES; n++) {
                    const long v = v0 + n, at = v < BEFORE_LAST(k) ? v : v - BACK;
                    block[n] = at < VALUES(k) ? load(b + FROM_B(k * BLOCK + at) + u, us) : (vec){0};
                }
                turn(block);
                UNROLL for (int n = 0; n < LANES; n++)
                    if (n < us)
                        store(to + (u + n) * BLOCK + v0, block[n], LANES);
            }
}
#else
static void pack_place(const REAL *b, long first, long last, REAL *to)
{
    for (long u = 0; u < (long)EU * EC; u++, to += BLOCK)
        for (long k = first; k < last; k++) {
            const REAL *from = b + FROM_U(u);
            REAL *next = to + (k - first) * PANEL;
            if (ROWS_B)
                memcpy(next, from + k * BLOCK, BEFORE_LAST(k) * sizeof(REAL));
            for (long v = ROWS_B ? BEFORE_LAST(k) : 0; v < BLOCK; v++) {
                const long at = v < BEFORE_LAST(k) ? v : v - BACK;
                next[v] = at < VALUES(k) ? from[FROM_B(k * BLOCK + at)] : 0;
            }
        }
}
#endif

/* Panels: b for blocks of v and a block of sums, in the order in which they are read; v beyond EV are 0. */
static void pack(const REAL *b, long first, long last, long qs, REAL *to)
{
    for (long s0 = 0; s0 < qs; s0++)
        for (long s1 = 0; s1 < S1; s1++)
            for (long s2 = 0; s2 < S2; s2++, to += (long)EU * EC * BLOCK)
                pack_place(AT(b, s0, R0_B, s1, R1_B, s2, R2_B), first, last, to);
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
