/* Products added to a window: out[p, x + m + r + v] += sum over u of a[p, x, m, u] b[p, r, v, u].

   Sizes and distances (in elements) are definitions. A part has all that leads to its piece of out, which it adds up in
   memory of its own that no position leaves:

       part   p0, p1 and so on
         m            MR places of a are a tile, whose sums over u stay in registers
           x0, x1     its other places
             r0, r1   taps
               v      NV vectors of taps or channels that lie next to each other in out

   Neighbours in a tile lie far from each other in out: what is added to has not just been written. */
#include <stddef.h>
#include <string.h>

#include "team.h"
#include "vector.h"

#define BLOCK (NV * LANES)
#define BLOCKS ((EV + BLOCK - 1) / BLOCK)
#define TAIL ((EV - 1) % BLOCK + 1) /* of v in the last block */
#define PANEL ((long)EU * BLOCK)

static const long p_extent[] = P_EXTENT, p_a[] = P_A, p_b[] = P_B, p_o[] = P_O;
enum { PS = sizeof p_a / sizeof *p_a };
/* Of every axis of a piece: the size of out, the distance along it, where the sums begin, how many there are, and the
   distance along these. */
static const long y_size[] = Y_SIZE, y_step[] = Y_STEP, y_start[] = Y_START, y_extent[] = Y_EXTENT, y_own[] = Y_OWN;
enum { YS = sizeof y_size / sizeof *y_size };

struct work {
    const REAL *a, *b;
    REAL *out, *panels;
    long firsts;
    struct team *team;
};

/* v of a block for every u; beyond EV they are 0. */
static void pack_part(void *given, long number)
{
    struct work *work = given;
    const long k = number % BLOCKS, r1 = number / BLOCKS % R1, r0 = number / BLOCKS / R1 % R0;
    const long vs = k == BLOCKS - 1 ? TAIL : BLOCK;
    long rest = number / BLOCKS / R1 / R0;
    const REAL *b = work->b + B_START + r0 * (ptrdiff_t)R0_B + r1 * (ptrdiff_t)R1_B + k * BLOCK * (ptrdiff_t)V_B;
    for (int p = PS - 1; p >= 0; p--)
        if (p_b[p]) {
            const long extent = p ? p_extent[p] : work->firsts;
            b += rest % extent * p_b[p];
            rest /= extent;
        }
    REAL *to = work->panels + number * PANEL;
    for (long u = 0; u < EU; u++)
        for (long v = 0; v < BLOCK; v++)
            *to++ = v < vs ? b[u * (ptrdiff_t)U_B + v * (ptrdiff_t)V_B] : 0;
}

/* A vector without what lies behind so many elements: there 0 was multiplied, by what may be infinite. */
INLINE vec cut(vec value, const int lanes)
{
#if LANES > 1
    if (lanes < LANES) {
        vec number;
        UNROLL for (int k = 0; k < LANES; k++)
            number[k] = k;
        const __typeof__(number < number) some = (__typeof__(some))value, inside = number < (vec){0} + (REAL)lanes;
        return (vec)(some & inside);
    }
#endif
    (void)lanes;
    return value;
}

/* MR or fewer places m by nv vectors, the last of which has so many lanes. */
INLINE void tile(const REAL *a, const REAL *panel, REAL *own, const int mr, const int nv, const int lanes)
{
    for (long u = 0; u < EU; u += CHAIN) {
        vec sums[MR][NV];
        clear(sums, mr, nv);
        accumulate(sums, a + u * AU, AM, AU, panel + u * BLOCK, BLOCK, EU - u < CHAIN ? EU - u : CHAIN, mr, nv, 0,
                   LANES, LANES, 0, MR, 0, 0, 0, NULL);
        UNROLL for (int m = 0; m < mr; m++)
            UNROLL for (int v = 0; v < nv; v++) {
                REAL *to = own + m * (ptrdiff_t)OM + v * LANES;
                store(to, load(to, LANES) + (v == nv - 1 ? cut(sums[m][v], lanes) : sums[m][v]), LANES);
            }
        /* GCC 12 would keep for the next tap what was read here, although a part of that is written in between. */
        __asm__ volatile("" ::: "memory");
    }
}

/* All that MR or fewer places m of a part are added to: near each other in out, they stay in the cache. */
INLINE void places(const REAL *a, const REAL *panels, REAL *own, const int mr)
{
    for (long x0 = 0; x0 < X0; x0++)
        for (long x1 = 0; x1 < X1; x1++) {
            const REAL *with = panels, *from = a + x0 * (ptrdiff_t)X0_A + x1 * (ptrdiff_t)X1_A;
            for (long r0 = 0; r0 < R0; r0++)
                for (long r1 = 0; r1 < R1; r1++) {
                    REAL *to = own + x0 * X0_O + x1 * X1_O + r0 * R0_O + r1 * R1_O;
                    for (long k = 0; k < BLOCKS - 1; k++, with += PANEL)
                        tile(from, with, to + k * BLOCK, mr, NV, LANES);
                    tile(from, with, to + (BLOCKS - 1) * BLOCK, mr, (TAIL + LANES - 1) / LANES, (TAIL - 1) % LANES + 1);
                    with += PANEL;
                }
        }
}

/* A piece of out: the sums where there are any, else 0; or these are added to it. */
static void give(const REAL *own, REAL *out, int axis)
{
    const long start = y_start[axis], end = start + y_extent[axis];
    for (long y = 0; y < y_size[axis]; y++) {
        const REAL *from = own && y >= start && y < end ? own + (y - start) * y_own[axis] : NULL;
        REAL *to = out + y * (ptrdiff_t)y_step[axis];
        if (axis < YS - 1)
            give(from, to, axis + 1);
        else if (ADD)
            *to += from ? *from : 0;
        else
            *to = from ? *from : 0;
    }
}

/* A piece is made: in as few pieces of memory as it lies in. */
static void tell(struct team *team, const REAL *out, int axis)
{
    long piece = y_step[YS - 1];
    int last = YS - 1;
    for (; last >= axis && y_step[last] == piece; last--)
        piece *= y_size[last];
    if (last < axis)
        team->made(team, out, piece * sizeof(REAL));
    else
        for (long y = 0; y < y_size[axis]; y++)
            tell(team, out + y * (ptrdiff_t)y_step[axis], axis + 1);
}

static void part(void *given, long number)
{
    struct work *work = given;
    REAL *own = work->team->scratch((OWN + LANES) * sizeof(REAL)), *out = work->out + O_START;
    if (!own)
        return;
    memset(own, 0, OWN * sizeof(REAL));
    const REAL *a = work->a + A_START;
    long rest = number, panel = 0, scale = 1;
    for (int p = PS - 1; p >= 0; p--) {
        const long extent = p ? p_extent[p] : work->firsts, k = rest % extent;
        rest /= extent;
        a += k * p_a[p];
        out += k * p_o[p];
        if (p_b[p]) {
            panel += k * scale;
            scale *= extent;
        }
    }
    const REAL *panels = work->panels + panel * R0 * R1 * BLOCKS * PANEL;
    long m = 0;
    for (; m + MR <= EM; m += MR)
        places(a + m * (ptrdiff_t)AM, panels, own + OWN_START + m * (ptrdiff_t)OM, MR);
    if (EM % MR)
        places(a + m * (ptrdiff_t)AM, panels, own + OWN_START + m * (ptrdiff_t)OM, EM % MR ? EM % MR : 1);
    give(own, out, 0);
    if (work->team->made)
        tell(work->team, out, 0);
}

/* arrays: a, b, out; numbers: the extent of p0. */
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct work work = {arrays[0], arrays[1], arrays[2], NULL, numbers[0], team};
    long parts = numbers[0], panels = p_b[0] ? numbers[0] : 1;
    for (int p = 1; p < PS; p++) {
        parts *= p_extent[p];
        panels *= p_b[p] ? p_extent[p] : 1;
    }
    panels *= (long)R0 * R1 * BLOCKS;
    work.panels = team->scratch(panels * PANEL * sizeof(REAL));
    if (!work.panels)
        return;
    team->run(team, pack_part, &work, panels);
    team->run(team, part, &work, parts);
}
