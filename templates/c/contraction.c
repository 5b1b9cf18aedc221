/* A sum of products, out[p, x, m, v] = sum over t, s, u of a * b, around one micro-kernel.

   Sizes and distances (in elements) are definitions, so that the compiler knows them; those of batches are numbers.

       part   p0 to p5    each a call of part(), in any thread
         t, q             outer sums, and blocks of s0: what a block reads stays in the cache while all is added to
           v block        NV vectors of v; behind m where all of b stays near (INNER)
             x0 to x2     further places of out
               m          MR of them are a tile, whose sums stay in registers; it may have STACKED x2, too
                 s0 to s2, u

   a is read where it lies or, where windows leave it, from a copy of the box that a block reads, with zeros around it
   (BOX), unless sums end where it does (CLIPS), or from panels of a block: all m of a tile next to each other (STRIPS).
   b is read where it lies, or from panels: all v of a block next to each other (PANELS). Of groups see slide.h. */
#include <stddef.h>
#include <string.h>

#include "team.h"
#include "vector.h"

#define AT(p, i, I, j, J, k, K) ((p) + (i) * (ptrdiff_t)(I) + (j) * (ptrdiff_t)(J) + (k) * (ptrdiff_t)(K))
#define BLOCK (NV * LANES)
#define BLOCKS ((EV + BLOCK - 1) / BLOCK)
#define TAIL ((EV - 1) % BLOCK + 1) /* of v in the last block */
#define PANEL ((long)QB * S1 * S2 * EU * EC * BLOCK) /* elements */
#define LEFT ((TAIL - 1) % LANES + 1) /* of its last vector */
#define LAST_NV ((TAIL + LANES - 1) / LANES)
/* How far the last vector lies before where it would, so that it is whole: sums that are stored once may be stored
   twice, and chunks have a place of its own for it. */
#define BACK ((STORED_ONCE || CHUNKED) && EV >= LANES && LEFT < LANES ? LANES - LEFT : 0)
#define EZ (EV / ABREAST) /* columns of out, where chunks have several sums for each */
#define FURTHER(row, k) ((row) ? (row) + (k) * BLOCK : NULL)
#define WIDE (STACKED > 1 ? EM : MR) /* rows of a tile that are of one x2 */
#define STRIP ((long)QB * S1 * S2 * EU * MR)
/* A panel that the cache of the first level does not hold is brought nearer while the one before is read, and so are
   rows of b where it lies, if they are read for a few tiles only: processors foresee no short runs far apart. */
#define EACH (X0 * X1 * X2 / STACKED * (STACKED > 1 ? 1 : (MB + MR - 1) / MR)) /* tiles */
#define AHEAD (PANELS ? (PANEL * sizeof(REAL) > 32 << 10 ? PANEL : 0) : !INNER && EACH <= 2 ? 32 * (ptrdiff_t)BU : 0)

enum { PS = sizeof(long[]) P_A / sizeof(long) };
#if !CHUNKED
static const long p_extent[] = P_EXTENT, p_a[] = P_A, p_b[] = P_B, p_o[] = P_O;
#endif
#if BOX
/* Of every axis of the box: the size of a, the distance along it, where the box of the first block begins, its extent,
   and how it moves with parts, outer sums, and inner sums. */
static const long x_size[] = X_SIZE, x_step[] = X_STEP, x_start[] = X_START, x_extent[] = X_EXTENT;
static const long x_part[][PS] = X_PART, x_t[] = X_T, x_q[] = X_Q;
enum { XS = sizeof x_size / sizeof *x_size };
#endif

#include "clips.h"
#include "slide.h"

struct work {
    const REAL *a, *b, *row;
    REAL *out, *memory;
    long batch, sums, chunks;
    struct team *team;
};

INLINE void add_row(vec sums[MR][NV], const REAL *row, const int mr, const int nv, const int back, const int lanes)
{
    UNROLL for (int v = 0; v < nv; v++) {
        const int last = v == nv - 1;
        const vec more = load(row + v * LANES - (last ? back : 0), last ? lanes : LANES);
        UNROLL for (int m = 0; m < mr; m++)
            sums[m][v] += more;
    }
}

/* MR or fewer places m by nv vectors of v, the last of which has so many lanes. Sums are added to out at the end, and
   where they are long in between: in float32 a sum is as good as its longest chain of additions. What is stored first
   has a row added, such as a bias, if there is one. */
INLINE void tile(const REAL *a, const REAL *b, REAL *out, const REAL *plus, int first, const struct sums s,
                 const int mr, const int nv, const int lanes)
{
    const int back = lanes < LANES ? BACK : 0, last_lanes = back ? LANES : lanes;
    vec sums[MR][NV];
    clear(sums, mr, nv);
#if CLIPS
    for (int k = 0; k < 4; k++)
        if (s.low[k] == s.high[k]) { /* nothing is left */
            if (first && plus)
                add_row(sums, plus, mr, nv, 0, lanes);
            UNROLL for (int m = 0; m < mr; m++)
                UNROLL for (int v = 0; first && v < nv; v++)
                    store(out + m * (ptrdiff_t)OM + v * LANES, sums[m][v], v == nv - 1 ? lanes : LANES);
            return;
        }
#endif
    for (int s0 = s.low[0]; s0 < s.high[0]; s0++)
        for (int s1 = s.low[1]; s1 < s.high[1]; s1++)
            for (int s2 = s.low[2]; s2 < s.high[2]; s2++) {
                const REAL *x = AT(a, s0, S0_A, s1, S1_A, s2, S2_A), *w = AT(b, s0, S0_B, s1, S1_B, s2, S2_B);
                for (long u = s.low[3]; u < s.high[3]; u += CHAIN) {
                    const int us = s.high[3] - u < CHAIN ? s.high[3] - u : CHAIN, whole = PANELS ? LANES : last_lanes;
                    if (SPREAD && !(CLIPS && mr == 1)) /* a row may have fewer summands */
                        slide_all(sums, x + u * AU, w + u * BU, us, mr, nv, back, last_lanes);
                    else
                        accumulate(sums, x + u * AU, AM, AU, w + u * BU, BU, us, mr, nv, ALONG, last_lanes, whole,
                                   AHEAD, WIDE, X2_A, back, PANELS ? 0 : back, NULL);
                    const int last[] = {s0 == s.high[0] - 1, s1 == s.high[1] - 1, s2 == s.high[2] - 1,
                                        u + CHAIN >= s.high[3]};
                    int all = 1;
                    UNROLL for (int k = ADDED; k < 4; k++)
                        all = all && last[k];
                    if (!all)
                        continue;
                    if (first && plus)
                        add_row(sums, plus, mr, nv, CHUNKED ? 0 : back, last_lanes);
                    UNROLL for (int m = 0; m < mr; m++)
                        UNROLL for (int v = 0; v < nv; v++) {
                            const int last = v == nv - 1, width = last ? last_lanes : LANES;
                            REAL *to = out + m % WIDE * (ptrdiff_t)OM + m / WIDE * (ptrdiff_t)X2_O + v * LANES;
                            to -= last && !CHUNKED ? back : 0;
                            store(to, first ? sums[m][v] : load(to, width) + sums[m][v], width);
                        }
                    clear(sums, mr, nv);
                    first = 0;
                }
            }
}

#include "panels.h"

/* The same in this block of v, or in all of them, one after the other (INNER). */
INLINE void tiles(const REAL *a, const REAL *b, REAL *out, const REAL *plus, int first, const struct sums s,
                  const int mr, const int nv, const int lanes)
{
    if (!INNER)
        tile(a, b, out, plus, first, s, mr, nv, lanes);
    else {
        for (long k = 0; k < BLOCKS - 1; k++)
            tile(a + k * BLOCK, b + k * PANEL, out + k * BLOCK, FURTHER(plus, k), first, s, mr, NV, LANES);
        const long k = BLOCKS - 1;
        tile(a + k * BLOCK, b + k * PANEL, out + k * BLOCK, FURTHER(plus, k), first, s, mr, LAST_NV, LEFT);
    }
}

/* Where m lies, of which a tile begins there. */
INLINE const REAL *row(const REAL *a, long m)
{
    return a + (STRIPS ? m / MR * STRIP : m * (ptrdiff_t)AM);
}

/* All m of a part, of one x2 or as many as a tile has, by a block of v. */
INLINE void rows(const REAL *a, const REAL *b, REAL *out, const REAL *plus, int first, const struct sums s, long ms,
                 const int nv, const int lanes)
{
    long m = 0;
    if (STACKED > 1) {
        tiles(a, b, out, plus, first, s, MR, nv, lanes);
        return;
    }
    for (; m + MR <= ms; m += MR)
        tiles(row(a, m), b, out + m * (ptrdiff_t)OM, plus, first, s, MR, nv, lanes);
    if (EM % MR && m < ms)
        tiles(row(a, m), b, out + m * (ptrdiff_t)OM, plus, first, s, EM % MR ? EM % MR : 1, nv, lanes);
}

#if CLIPS
/* All m of a part whose windows leave a, which they do at both ends. */
INLINE void clipped(const REAL *a, const REAL *b, REAL *out, const REAL *plus, int first, const long *start, long ms,
                    const int nv, const int lanes)
{
    struct sums s = {{0}, {S0, S1, S2, EU}};
    for (int c = 0; c < CLIPS; c++)
        if (!c_m[c])
            limit(&s, c, start[c]);
    for (long m = 0; m < ms;) {
        REAL *to = out + m * (ptrdiff_t)OM;
        if (m + MR <= ms && inside(s, start, m, MR)) {
            tiles(row(a, m), b, to, plus, first, s, MR, nv, lanes);
            m += MR;
            continue;
        }
        if (REST && m + REST <= ms && inside(s, start, m, REST)) {
            tiles(row(a, m), b, to, plus, first, s, REST ? REST : 1, nv, lanes);
            m += REST;
            continue;
        }
        struct sums own = s;
        for (int c = 0; c < CLIPS; c++)
            if (c_m[c])
                limit(&own, c, start[c] + m * c_m[c]);
        tiles(row(a, m), b, to, plus, first, own, 1, nv, lanes);
        m++;
    }
}
#endif

/* The same for all x of a part. */
INLINE void block(const REAL *a, const REAL *b, REAL *out, const REAL *plus, int first, int qs, long xs, long ms,
                  const long *start, const int nv, const int lanes)
{
#if CLIPS
    (void)qs;
    for (long x0 = 0; x0 < xs; x0++) {
        long own[CLIPS];
        for (int c = 0; c < CLIPS; c++)
            own[c] = start[c] + x0 * c_x[c];
        clipped(AT(a, x0, X0_A, 0, 0, 0, 0), b, AT(out, x0, X0_O, 0, 0, 0, 0), plus, first, own, ms, nv, lanes);
    }
#else
    const struct sums s = {{0}, {qs, S1, S2, EU}};
    (void)start;
    for (long x0 = 0; x0 < xs; x0++)
        for (long x1 = 0; x1 < X1; x1++)
            for (long x2 = 0; x2 < X2; x2 += STACKED)
                rows(AT(a, x0, X0_A, x1, X1_A, x2, X2_A), b, AT(out, x0, X0_O, x1, X1_O, x2, X2_O), plus, first, s,
                     ms, nv, lanes);
#endif
}

#if PANELS == 1
/* Panels of the whole call: a part is one of them. */
static void pack_part(void *given, long number)
{
    struct work *work = given;
    const long k = number % BLOCKS, from = number / BLOCKS;
    long rest = from;
    const REAL *b = work->b + B_START;
    for (int p = PS - 1; p >= 0; p--)
        if (p_b[p]) {
            const long extent = p ? p_extent[p] : work->batch;
            b += rest % extent * p_b[p];
            rest /= extent;
        }
    pack(b, k, k + 1, QB, work->memory + number * PANEL);
}
#endif

#if BOX
#include "box.h"
#endif

/* What a part has made, in as few pieces as it lies in. */
static void tell(struct team *team, const REAL *out, long xs, long ms)
{
    long piece = EV, counts[] = {ms, X2, X1, xs};
    const ptrdiff_t steps[] = {OM, X2_O, X1_O, X0_O};
    for (int k = 0; k < 4 && (counts[k] == 1 || steps[k] == piece); k++) {
        piece *= counts[k];
        counts[k] = 1;
    }
    for (long x0 = 0; x0 < counts[3]; x0++)
        for (long x1 = 0; x1 < counts[2]; x1++)
            for (long x2 = 0; x2 < counts[1]; x2++)
                for (long m = 0; m < counts[0]; m++)
                    team->made(team, AT(out, x0, X0_O, x1, X1_O, x2, X2_O) + m * (ptrdiff_t)OM, piece * sizeof(REAL));
}

/* What a part is a sum over: blocks of s0 for each t. */
static void part(void *given, long number)
{
    struct work *work = given;
    long place[PS], rest = number, first_t = 0, last_t = work->sums, ms = EM, xs = X0, panel = 0, scale = 1;
    REAL *out = work->out + O_START;
    const REAL *a = work->a + A_START, *b = work->b + B_START, *plus = CHUNKED ? NULL : work->row;
#if CHUNKED
    out = work->memory + number * CHUNK;
    first_t = number * work->sums / work->chunks;
    last_t = (number + 1) * work->sums / work->chunks;
    memset(place, 0, sizeof place);
    (void)rest;
#else
    for (int p = PS - 1; p >= 0; p--) {
        const long extent = p ? p_extent[p] : work->batch;
        place[p] = rest % extent;
        rest /= extent;
        a += place[p] * p_a[p];
        out += place[p] * p_o[p];
        if (p_b[p]) {
            panel += place[p] * scale;
            scale *= extent;
            b += place[p] * p_b[p];
        }
    }
    if (MB < EM)
        ms = EM - place[P_M] * MB < MB ? EM - place[P_M] * MB : MB;
    if (X0 < EX)
        xs = EX - place[P_X] * X0 < X0 ? EX - place[P_X] * X0 : X0;
#endif
    (void)panel, (void)scale;
    const long *start = NULL;
#if CLIPS
    long position[CLIPS];
    for (int c = 0; c < CLIPS; c++) {
        position[c] = c_start[c];
        for (int p = 0; p < PS; p++)
            position[c] += place[p] * c_part[c][p];
    }
    start = position;
#endif
#if BOX || STRIPS || PANELS == 2
    const long copied = WHOLE(BOX_SIZE + BEYOND + (STRIPS ? STRIP * ((MB + MR - 1) / MR) : 0));
    REAL *own = work->team->scratch((copied + (PANELS == 2 ? BLOCKS * PANEL : 0)) * sizeof(REAL));
    if (!own)
        return;
#endif
    int first = 1;
    for (long t = first_t; t < last_t; t++)
        for (long q = 0; q < S0; q += QB, first = 0) {
            const int qs = S0 - q < QB ? S0 - q : QB;
#if BOX
            long corner[XS];
            for (int x = 0; x < XS; x++) {
                corner[x] = x_start[x] + t * x_t[x] + q * x_q[x];
                for (int p = 0; p < PS; p++)
                    corner[x] += place[p] * x_part[x][p];
            }
            fill(a + t * (ptrdiff_t)T_A, corner, 0, own);
            const REAL *from = own + BOX_START;
#elif STRIPS
            const REAL *from = own, *raw = a + t * (ptrdiff_t)T_A + q * (ptrdiff_t)R0_A;
            for (long m = 0; m < ms; m += MR)
                strip(raw + m * (ptrdiff_t)RM_A, ms - m < MR ? ms - m : MR, qs, own + m / MR * STRIP);
#else
            const REAL *from = a + t * (ptrdiff_t)T_A + q * (ptrdiff_t)R0_A;
#endif
            const REAL *with = b + t * (ptrdiff_t)T_B + q * (ptrdiff_t)R0_B;
#if PANELS == 2
            REAL *panels = own + copied;
            pack(with, 0, BLOCKS, qs, panels);
            with = panels;
#elif PANELS == 1
            with = work->memory + panel * BLOCKS * PANEL;
#endif
            for (long k = 0; k < (INNER ? 1 : BLOCKS); k++) {
                const REAL *x = from + (ALONG ? k * BLOCK : 0), *w = with + k * (PANELS ? PANEL : BLOCK);
                if (k < BLOCKS - 1)
                    block(x, w, out + k * BLOCK, FURTHER(plus, k), first, qs, xs, ms, start, NV, LANES);
                else
                    block(x, w, out + k * BLOCK, FURTHER(plus, k), first, qs, xs, ms, start, LAST_NV, LEFT);
            }
        }
    if (work->team->made && !CHUNKED)
        tell(work->team, out, xs, ms);
}

#if CHUNKED
/* The sums of all chunks, in their order, and of what is abreast in a vector, for one x0. */
static void total(void *given, long x0)
{
    struct work *work = given;
    for (long x1 = 0; x1 < X1; x1++)
        for (long x2 = 0; x2 < X2; x2++)
            for (long m = 0; m < EM; m++) {
                const REAL *from = AT(work->memory, x0, X0_O, x1, X1_O, x2, X2_O) + m * OM;
                REAL *to = AT(work->out + O_START, x0, X0_Z, x1, X1_Z, x2, X2_Z) + m * (ptrdiff_t)M_Z;
                for (long v = 0; v < EZ; v++)
                    to[v] = from[v < EV - LEFT ? v : v + BACK] + (work->row ? work->row[v] : 0);
                for (long k = 0; k < work->chunks * ABREAST; k++) {
                    const REAL *more = from + k / ABREAST * CHUNK;
                    for (long v = k % ABREAST * EZ, end = v + EZ; k && v < end; v++)
                        to[v % EZ] += more[v < EV - LEFT ? v : v + BACK];
                }
            }
}
#endif

/* arrays: a, b, out, and a row of all v that is added to every place, or NULL; numbers: the extents of p0 and of t, and
   into how many chunks t is divided. */
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct work work = {arrays[0], arrays[1], arrays[3], arrays[2], NULL, numbers[0], numbers[1], numbers[2], team};
#if CHUNKED
    work.memory = team->scratch(work.chunks * CHUNK * sizeof(REAL));
    if (!work.memory)
        return;
    team->run(team, part, &work, work.chunks);
    team->run(team, total, &work, X0);
#else
    long parts = work.batch, panels = p_b[0] ? work.batch : 1;
    for (int p = 1; p < PS; p++) {
        parts *= p_extent[p];
        panels *= p_b[p] ? p_extent[p] : 1;
    }
#if PANELS == 1
    work.memory = team->scratch(panels * BLOCKS * PANEL * sizeof(REAL));
    if (!work.memory)
        return;
    team->run(team, pack_part, &work, panels * BLOCKS);
#endif
    (void)panels;
    team->run(team, part, &work, parts);
#endif
}
