/* A correlation with fewer multiplications: F(M1, R1) along one axis and F(M2, R2) along another.

       u = G g G^T      the kernel at P1 x P2 points, for every c and k
       v = B^T d B      tiles of the input at the points, each of which gives M1 x M2 results
       m = v u          at every point: a product of matrices, tiles by c and c by k
       y = A^T m A      results

   Either the kernel is transformed first, as a whole, and then a block of TILES tiles goes through all other stages in
   the cache; or, where tiles take less memory (PANELS), these are, and then a panel of the kernel, PANEL blocks of k,
   goes through all stages, slice by slice: CB of the channels c of each piece. Sizes, distances (in elements) and
   matrices are defined. */
#include "correlation.h"
#include "team.h"

#define BLOCK (NV * LANES)
#define BLOCKS ((K + BLOCK - 1) / BLOCK)
#define WIDTH ((long)PANEL * BLOCK)
#define SLICE ((long)PIECES * CB)
#define SLICES ((C + CB - 1) / CB)
/* Points, and rows of all channels, a little further apart than they are long: powers of two would meet in one set of a
   cache. Rows of a slice follow each other. */
#define ROW (PANELS ? WHOLE(SLICE - CB + WHOLE(CB)) : WHOLE(SLICE) + LANES)
#define V_POINT ((long)TILES * ROW + 3 * LANES)
#define M_POINT (TILES * WIDTH + 3 * LANES)
#define U_POINT (SLICE * WIDTH + 3 * LANES)
/* What the first cache does not hold of the kernel is brought nearer while the block before is read. */
#define AHEAD (SLICE * BLOCK * (long)sizeof(REAL) > 32 << 10 ? SLICE * BLOCK : 0)

static const REAL output1[M1][P1] = OUTPUT1, kernel1[P1][R1] = KERNEL1;
static const REAL output2[M2][P2] = OUTPUT2, kernel2[P2][R2] = KERNEL2;

struct work {
    const REAL *x, *w, *row;
    REAL *y, *whole; /* what is transformed first */
    long batch, each, blocks, wide; /* tiles of a batch, and into how many blocks these are divided */
    struct team *team;
};

#define TAP(w, r) ((w) + (r) / R2 * (ptrdiff_t)R1_W + (r) % R2 * (ptrdiff_t)R2_W)
#define NEXT (LANES * (ptrdiff_t)C_W) /* from some c to those that are read next */

/* Where the kernel of a batch begins. */
static const REAL *kernel_of(const struct work *work, long batch)
{
    const REAL *w = work->w + W_START;
    for (int o = OS - 1; o >= 0; o--)
        if (g_w[o]) {
            const long extent = o ? o_extent[o] : work->batch;
            w += batch % extent * g_w[o];
            batch /= extent;
        }
    return w;
}

/* A tap for LANES of c and of k, or fewer, as vectors of k; what lies next to each other is read together, whichever
   index that is. */
static void turned_tap(const REAL *w, long cs, long ks, vec turned[LANES])
{
    if (C_W == 1 && cs == LANES && ks == LANES) {
        for (int k = 0; k < LANES; k++, w += K_W) {
            turned[k] = load(w, LANES);
            __builtin_prefetch(w + NEXT, 0, 2);
        }
        turn(turned);
        return;
    }
    REAL some[LANES][LANES];
    memset(some, 0, sizeof some);
    for (long k = 0; k < ks; k++, w += K_W)
        for (long c = 0; c < cs; c++)
            some[c][k] = w[c * (ptrdiff_t)C_W];
    for (int c = 0; c < LANES; c++)
        turned[c] = load(some[c], LANES);
}

/* The kernel at the points, for LANES of c of a piece, or fewer, and some blocks of k:
   u[point][block of k][piece][c][k]. */
static void kernel_rows(const REAL *w, const struct piece *piece, long cs, long first, long last, REAL *u)
{
    for (long k = first * BLOCK; k < last * BLOCK; k += LANES) {
        REAL *to = u + (k / BLOCK - first) * SLICE * BLOCK + k % BLOCK;
        const int beside = K_W == 1 && k + LANES <= K;
        vec turned[R1 * R2][LANES];
        for (int r = 0; !beside && r < R1 * R2; r++)
            if (has_tap(piece, r))
                turned_tap(TAP(w, r) + k * (ptrdiff_t)K_W, cs, K - k < LANES ? K - k : LANES, turned[r]);
        for (long c = 0; c < cs; c++, to += BLOCK) {
            vec taps[R1 * R2], half[P1 * R2];
            const REAL *from = w + c * (ptrdiff_t)C_W + k * (ptrdiff_t)K_W;
            for (int r = 0; r < R1 * R2; r++) {
                taps[r] = !has_tap(piece, r) ? (vec){0} : beside ? load(TAP(from, r), LANES) : turned[r][c];
                if (beside)
                    __builtin_prefetch(TAP(from, r) + NEXT, 0, 2);
            }
            for (int t = 0; t < R2; t++)
                TRANSFORM(P1, R1, kernel1, taps + t, R2, half + t, R2)
            for (int i = 0; i < P1; i++)
                TRANSFORM_TO(P2, R2, kernel2, half + i * R2, 1, store(to + (i * P2 + r) * U_POINT, sum, LANES))
        }
    }
}

/* The results of a tile that lie inside, for some of k, from the products m[point][k], which begin with the first of
   these; a row of all k is added to each, if there is one. */
static void output_tile(const REAL *m, const REAL *row, long highs, long wides, long first, long end, REAL *y)
{
    for (long k = first; k < end; k += LANES) {
        vec in[POINTS], half[M1 * P2], full[M1 * M2];
        const int lanes = K % LANES && k + LANES > K ? K % LANES : LANES;
        for (int p = 0; p < POINTS; p++)
            in[p] = load(m + p * M_POINT + k - first, LANES);
        for (int j = 0; j < P2; j++)
            TRANSFORM(M1, P1, output1, in + j, P2, half + j, P2)
        for (int i = 0; i < M1; i++)
            TRANSFORM(M2, P2, output2, half + i * P2, 1, full + i * M2, 1)
        if (row) {
            const vec more = load(row + k, lanes);
            for (int i = 0; i < M1 * M2; i++)
                full[i] += more;
        }
        for (int i = 0; i < highs; i++)
            for (int j = 0; j < wides; j++)
                store(y + i * (ptrdiff_t)(D1 * Y1) + j * (ptrdiff_t)(D2 * Y2) + k, full[i * M2 + j], lanes);
    }
}

/* Products of so many channels, of all pieces, added to what there is if not `fresh`. */
INLINE void product(const REAL *v, const REAL *u, REAL *m, const long depth, const int fresh, const REAL *later,
                    const int mr)
{
    for (long c = 0; c < depth; c += CHAIN) {
        vec sums[MR][NV];
        clear(sums, mr, NV);
        accumulate(sums, v + c, ROW, 1, u + c * BLOCK, BLOCK, depth - c < CHAIN ? depth - c : CHAIN, mr, NV, 0,
                   LANES, LANES, AHEAD, MR, 0, 0, 0, later ? later + c * LINE : NULL);
        UNROLL for (int r = 0; r < mr; r++)
            UNROLL for (int n = 0; n < NV; n++) {
                REAL *to = m + r * WIDTH + n * LANES;
                store(to, c || !fresh ? load(to, LANES) + sums[r][n] : sums[r][n], LANES);
            }
    }
}

/* So many rows of results, or some of k of each, are made. */
static void tell(struct team *team, const REAL *y, long highs, long wides, long first, long end)
{
    for (long i = 0; i < highs; i++, y += D1 * (ptrdiff_t)Y1)
        if (end - first == Y2)
            team->made(team, y, (size_t)(wides * Y2) * sizeof(REAL));
        else
            for (long j = 0; j < wides; j++)
                team->made(team, y + j * (ptrdiff_t)(D2 * Y2) + first, (size_t)(end - first) * sizeof(REAL));
}

/* A block: TILES tiles or fewer, all of one batch, where those of a batch follow each other. */
struct tiles {
    long start, count, rows;
};

static struct tiles tiles_of(const struct work *work, long block)
{
    const long before = block % work->blocks * TILES, left = work->each - before, count = left < TILES ? left : TILES;
    /* The kernel is read as often for one row as for all that registers hold: missing rows are 0. */
    const long rows = count % MR > FEW ? (count + MR - 1) / MR * MR : count;
    return (struct tiles){block / work->blocks * work->each + before, count, rows};
}

/* Tiles of a block at the points, for so many channels from c0 on: v[point][tile][piece][c]. */
static void data_tiles(const struct work *work, struct tiles block, long first, long end, long c0, long cs, REAL *v)
{
    for (long t = first; t < end; t++) {
        const struct place at = placed(work->batch, block.start + t);
        data_pieces(work->x + c0, &at, cs, v + t * ROW, V_POINT);
    }
    for (int p = 0; end == block.count && p < POINTS; p++)
        memset(v + p * V_POINT + end * ROW, 0, (block.rows - end) * ROW * sizeof(REAL));
}

/* A block of tiles by some blocks of k, at all points. */
static void products(struct tiles block, const REAL *v, const REAL *u, REAL *m, long depth, int fresh, long ks)
{
    for (int p = 0; p < POINTS; p++)
        for (long k = 0; k < ks; k++) {
            const REAL *from = v + p * V_POINT, *with = u + p * U_POINT + k * SLICE * BLOCK;
            REAL *to = m + p * M_POINT + k * BLOCK;
            long t = 0;
            for (; t + MR <= block.rows; t += MR) /* what follows is the same of the next point */
                product(from + t * ROW, with, to + t * WIDTH, depth, fresh,
                        PANELS && !k ? from + V_POINT + t * ROW : NULL, MR);
            for (; t < block.count; t++)
                product(from + t * ROW, with, to + t * WIDTH, depth, fresh, NULL, 1);
        }
}

/* The results of a block of tiles for some blocks of k. */
static void outputs(const struct work *work, struct tiles block, const REAL *m, long first, long last)
{
    const long k0 = first * BLOCK, ks = last * BLOCK < K ? last * BLOCK : K;
    const REAL *begun = NULL; /* of a row of tiles that lie side by side */
    for (long t = 0; t < block.count; t++) {
        const struct place at = placed(work->batch, block.start + t);
        if (at.first >= E1 || at.second >= E2)
            continue;
        const long highs = within(at.first, E1, D1, M1), wides = within(at.second, E2, D2, M2);
        REAL *y = work->y + at.y + Y_START + at.first * (ptrdiff_t)Y1 + at.second * (ptrdiff_t)Y2;
        output_tile(m + t * WIDTH, work->row, highs, wides, k0, ks, y);
        begun = begun ? begun : y;
        const int end = (block.start + t) % T2 == T2 - 1 || t == block.count - 1;
        if (!work->team->made)
            continue;
        if (ks - k0 < K || D2 > 1 || Y2 != K)
            tell(work->team, y, highs, wides, k0, ks);
        else if (end) {
            tell(work->team, begun, highs, (y - begun) / Y2 + wides, 0, K);
            begun = NULL;
        }
    }
}

#if PANELS
#define FIRST (BATCHES * blocks * SLICES * POINTS * V_POINT)
#define FIRST_PARTS (BATCHES * each * SLICES)
#define PARTS ((BLOCKS + PANEL - 1) / PANEL) /* of a batch */

/* A slice of a block of tiles at the points: blocks follow each other, as they meet a slice of the kernel. */
static REAL *slice_of(const struct work *work, long block, long slice)
{
    const long batch = block / work->blocks;
    return work->whole + ((batch * SLICES + slice) * work->blocks + block % work->blocks) * POINTS * V_POINT;
}

static long channels(long slice)
{
    return C - slice * CB < CB ? C - slice * CB : CB;
}

/* A slice of a tile. */
static void first_part(void *given, long number)
{
    const struct work *work = given;
    const long slice = number % SLICES, tile = number / SLICES, t = tile % work->each;
    const long block = tile / work->each * work->blocks + t / TILES;
    data_tiles(work, tiles_of(work, block), t % TILES, t % TILES + 1, slice * CB, channels(slice),
               slice_of(work, block, slice));
}

/* A slice of a panel of a kernel. */
static void kernel_slice(const REAL *w, long slice, long first, long last, REAL *u)
{
    const long cs = channels(slice);
    for (int n = 0; n < PIECES; n++)
        for (long c = 0; c < cs; c += LANES)
            kernel_rows(w + pieces[n].w + (slice * CB + c) * (ptrdiff_t)C_W, &pieces[n],
                        cs - c < LANES ? cs - c : LANES, first, last, u + (n * cs + c) * BLOCK);
}

/* All tiles of a batch by a panel of its kernel. */
static void part(void *given, long number)
{
    const struct work *work = given;
    const long begin = number / PARTS * work->blocks, end = begin + work->blocks;
    const long first = number % PARTS * PANEL, last = first + PANEL < BLOCKS ? first + PANEL : BLOCKS;
    REAL *u = work->team->scratch(POINTS * (U_POINT + work->blocks * M_POINT) * sizeof(REAL));
    if (!u)
        return;
    REAL *const m = u + POINTS * U_POINT;
    const REAL *w = kernel_of(work, placed(work->batch, tiles_of(work, begin).start).batch);
    for (long slice = 0; slice < SLICES; slice++) {
        kernel_slice(w, slice, first, last, u);
        for (long block = begin; block < end; block++)
            products(tiles_of(work, block), slice_of(work, block, slice), u, m + (block - begin) * POINTS * M_POINT,
                     PIECES * channels(slice), !slice, last - first);
    }
    for (long block = begin; block < end; block++)
        outputs(work, tiles_of(work, block), m + (block - begin) * POINTS * M_POINT, first, last);
}
#else
#define FIRST (BATCHES * POINTS * U_POINT)
#define C_BLOCKS ((C + LANES - 1) / LANES)
#define FIRST_PARTS ((long)BATCHES * PIECES * C_BLOCKS)
#define PARTS (blocks * work.wide) /* of a batch */

/* LANES of c of a piece of a kernel. */
static void first_part(void *given, long number)
{
    const struct work *work = given;
    const long c0 = number % C_BLOCKS * LANES, n = number / C_BLOCKS % PIECES, batch = number / C_BLOCKS / PIECES;
    kernel_rows(kernel_of(work, batch) + pieces[n].w + c0 * (ptrdiff_t)C_W, &pieces[n], C - c0 < LANES ? C - c0 : LANES,
                0, BLOCKS, work->whole + batch * POINTS * U_POINT + (n * C + c0) * BLOCK);
}

/* A block of tiles by a kernel; so that threads share few of them, by some of its blocks of k. */
static void part(void *given, long number)
{
    const struct work *work = given;
    REAL *v = work->team->scratch(POINTS * (V_POINT + M_POINT) * sizeof(REAL));
    if (!v)
        return;
    REAL *m = v + POINTS * V_POINT;
    const long wide = work->wide, share = number % wide;
    const long first = BLOCKS * share / wide, last = BLOCKS * (share + 1) / wide;
    const struct tiles block = tiles_of(work, number / wide);
    const REAL *u = work->whole + placed(work->batch, block.start).batch * POINTS * U_POINT;
    data_tiles(work, block, 0, block.count, 0, C, v);
    products(block, v, u + first * SLICE * BLOCK, m, SLICE, 1, last - first);
    outputs(work, block, m, first, last);
}
#endif

/* arrays: x, w, y, and a row of all k or NULL; numbers: the extent of the first of the other indices, and into how many
   parts k is divided for a block of tiles. */
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    const long each = all_tiles(numbers[0]) / BATCHES, blocks = (each + TILES - 1) / TILES;
    struct work work = {.x = arrays[0], .w = arrays[1], .row = arrays[3], .y = arrays[2], .batch = numbers[0],
                        .each = each, .blocks = blocks, .wide = numbers[1], .team = team};
    if (!each || !(work.whole = team->scratch(FIRST * sizeof(REAL))))
        return;
    team->run(team, first_part, &work, FIRST_PARTS);
    team->run(team, part, &work, BATCHES * PARTS);
}
