/* The gradient of a correlation by its kernel, with fewer multiplications.

       part               a chunk of tiles, CB of the channels c and KB of the channels k
         block of tiles
           v = B^T d B    tiles of the input at the points
           e = A g A^T    tiles of the other factor at the points
           s += v^T e     at every point: a product of matrices, c by tiles and tiles by k
         w = G^T s G      sums at the points as those of the kernel

   Sums at the points stay in the cache while all tiles of a chunk are added to them. How many chunks there are does not
   depend on threads; where there are several, each has a kernel of its own, and these are added up in their order. */
#include "correlation.h"
#include "team.h"

#define BLOCK (NV * LANES)
#define CBS ((C + CB - 1) / CB)
#define KBS ((K + KB - 1) / KB)
#define ROWS (((long)PIECES * CB + MR - 1) / MR * MR)
/* Rows and points a little further apart than they are long: powers of two would meet in one set of a cache. */
#define V_ROW (WHOLE(ROWS) + LANES)
#define E_ROW (KB + LANES)
#define V_POINT ((long)TILES * V_ROW + 3 * LANES)
#define E_POINT ((long)TILES * E_ROW + 3 * LANES)
#define S_POINT (ROWS * KB + 3 * LANES)
#define KERNEL (R1 * R2 * DEPTH * K)

static const REAL outputs1[P1][M1] = OUTPUTS1, kernels1[R1][P1] = KERNELS1;
static const REAL outputs2[P2][M2] = OUTPUTS2, kernels2[R2][P2] = KERNELS2;

struct work {
    const REAL *x, *y;
    REAL *w, *memory;
    long firsts, tiles, chunks; /* tiles of a batch */
    struct team *team;
};

/* A vector of a tile of y, 0 beyond so many positions, at the points. */
INLINE void other_vector(const REAL *y, long highs, long wides, const int lanes, const int edge, REAL *e)
{
    vec half[P1 * M2];
    for (int j = 0; j < M2; j++) {
        const REAL *from = y + j * (ptrdiff_t)(D2 * Y2);
        vec in[M1];
        UNROLL for (int i = 0; i < M1; i++, from += (ptrdiff_t)D1 * Y1) {
            in[i] = edge && (i >= highs || j >= wides) ? (vec){0} : load(from, lanes);
            __builtin_prefetch(from + M2 * (ptrdiff_t)(D2 * Y2)); /* of the next tile */
        }
        TRANSFORM(P1, M1, outputs1, in, 1, half + j, M2)
    }
    for (int i = 0; i < P1; i++)
        TRANSFORM_TO(P2, M2, outputs2, half + i * M2, 1, store(e + (i * P2 + r) * E_POINT, sum, LANES))
}

/* So many channels: e[point][k]. */
static void other_tile(const REAL *y, long highs, long wides, long channels, REAL *e)
{
    for (long k = 0; k < channels; k += LANES)
        if (K % LANES && k + LANES > channels)
            other_vector(y + k, highs, wides, K % LANES ? K % LANES : LANES, 1, e + k);
        else if (highs < M1 || wides < M2)
            other_vector(y + k, highs, wides, LANES, 1, e + k);
        else
            other_vector(y + k, highs, wides, LANES, 0, e + k);
}

/* Add MR by NV vectors of products of so many tiles to sums at a point. */
static void product(const REAL *v, const REAL *e, REAL *s, long tiles, int first)
{
    vec sums[MR][NV];
    clear(sums, MR, NV);
    UNROLL for (int m = 0; m < MR; m++)
        UNROLL for (int n = 0; n < NV; n++)
            __builtin_prefetch(s + (long)m * KB + n * LANES, 1);
    accumulate(sums, v, 1, V_ROW, e, E_ROW, tiles, MR, NV, 0, LANES, LANES, 0, MR, 0, 0, 0, NULL);
    UNROLL for (int m = 0; m < MR; m++)
        UNROLL for (int n = 0; n < NV; n++) {
            REAL *to = s + (long)m * KB + n * LANES;
            store(to, first ? sums[m][n] : load(to, LANES) + sums[m][n], LANES);
        }
}

/* Where the kernel is written: the distances of what is next to each other along both axes, c and k. */
struct kernel {
    REAL *w;
    ptrdiff_t w1, w2, wc, wk;
};

/* A piece of the kernel from its sums at the points, added to what there is if not first. */
static void kernel_block(const REAL *s, struct kernel to, const struct piece *piece, long cs, long ks, int first)
{
    for (long c = 0; c < cs; c++)
        for (long k = 0; k < ks; k += LANES) {
            vec half[R1 * P2], full[R1 * R2];
            const int lanes = K % LANES && k + LANES > ks ? K % LANES : LANES;
            for (int j = 0; j < P2; j++) {
                vec in[P1];
                UNROLL for (int i = 0; i < P1; i++)
                    in[i] = load(s + (i * P2 + j) * S_POINT + c * KB + k, LANES);
                TRANSFORM(R1, P1, kernels1, in, 1, half + j, P2)
            }
            for (int i = 0; i < R1; i++)
                TRANSFORM(R2, P2, kernels2, half + i * P2, 1, full + i * R2, 1)
            for (int i = 0; i < R1; i++)
                for (int j = 0; j < R2; j++) {
                    if (!has_tap(piece, i * R2 + j))
                        continue;
                    REAL *w = to.w + i * to.w1 + j * to.w2 + c * to.wc + k * to.wk;
                    const vec value = full[i * R2 + j];
                    if (to.wk == 1)
                        store(w, first ? value : load(w, lanes) + value, lanes);
                    else {
                        REAL some[LANES];
                        store(some, value, LANES);
                        for (int n = 0; n < lanes; n++)
                            w[n * to.wk] = first ? some[n] : w[n * to.wk] + some[n];
                    }
                }
        }
}

static struct kernel target(const struct work *work, long batch)
{
    struct kernel to = {work->w + W_START, R1_W, R2_W, C_W, K_W};
    long rest = batch;
    for (int o = OS - 1; o >= 0; o--)
        if (g_w[o]) {
            const long extent = o ? o_extent[o] : work->firsts;
            to.w += rest % extent * g_w[o];
            rest /= extent;
        }
    return to;
}

static void part(void *given, long number)
{
    struct work *work = given;
    REAL *v = work->team->scratch(POINTS * (V_POINT + E_POINT + S_POINT) * sizeof(REAL));
    if (!v)
        return;
    REAL *e = v + POINTS * V_POINT, *s = e + POINTS * E_POINT;
    const long k0 = number % KBS * KB, c0 = number / KBS % CBS * CB, chunk = number / KBS / CBS % work->chunks;
    const long batch = number / KBS / CBS / work->chunks;
    const long cs = C - c0 < CB ? C - c0 : CB, ks = K - k0 < KB ? K - k0 : KB;
    const long start = batch * work->tiles + chunk * work->tiles / work->chunks;
    const long end = batch * work->tiles + (chunk + 1) * work->tiles / work->chunks;
    struct kernel to = target(work, batch);
    if (work->chunks > 1)
        to = (struct kernel){work->memory + (batch * work->chunks + chunk) * KERNEL, R2 * DEPTH * K, DEPTH * K, K, 1};
    to.w += c0 * to.wc + k0 * to.wk;
    /* What nothing is written to is multiplied, too: any number will do. */
    if ((PIECES - 1) * cs + WHOLE(cs) < ROWS || WHOLE(ks) < KB)
        memset(v, 0, POINTS * (V_POINT + E_POINT) * sizeof(REAL));
    int fresh = 1, blocks = 0;
    for (long t = start; t < end; t += TILES) {
        const long tiles = end - t < TILES ? end - t : TILES;
        for (long n = 0; n < tiles; n++) {
            const struct place at = placed(work->firsts, t + n);
            data_pieces(work->x + c0, &at, cs, v + n * V_ROW, V_POINT);
            other_tile(work->y + at.y + Y_START + at.first * (ptrdiff_t)Y1 + at.second * (ptrdiff_t)Y2 + k0,
                       within(at.first, E1, D1, M1), within(at.second, E2, D2, M2), ks, e + n * E_ROW);
        }
        for (int p = 0; p < POINTS; p++)
            for (long k = 0; k < ks; k += BLOCK)
                for (long c = 0; c < PIECES * cs; c += MR)
                    product(v + p * V_POINT + c, e + p * E_POINT + k, s + p * S_POINT + c * KB + k, tiles, !blocks);
        if (++blocks == CHAIN || t + TILES >= end) {
            for (int n = 0; n < PIECES; n++) {
                struct kernel one = to;
                one.w += work->chunks > 1 ? n * (ptrdiff_t)C * K : pieces[n].w;
                kernel_block(s + n * cs * KB, one, &pieces[n], cs, ks, fresh);
            }
            fresh = blocks = 0;
        }
    }
}

/* The kernels of all chunks, in their order, for one c of a piece of one batch. */
static void total(void *given, long number)
{
    struct work *work = given;
    const long c = number % C, n = number / C % PIECES, batch = number / DEPTH;
    struct kernel to = target(work, batch);
    to.w += pieces[n].w;
    const REAL *from = work->memory + batch * work->chunks * KERNEL + (n * C + c) * K;
    for (int i = 0; i < R1; i++)
        for (int j = 0; j < R2; j++, from += DEPTH * K)
            for (long k = 0; has_tap(&pieces[n], i * R2 + j) && k < K; k++) {
                REAL sum = from[k];
                for (long chunk = 1; chunk < work->chunks; chunk++)
                    sum += from[chunk * KERNEL + k];
                to.w[i * to.w1 + j * to.w2 + c * to.wc + k * to.wk] = sum;
            }
}

/* arrays: x, y, w; numbers: the extent of the first of the other indices, and how many chunks each batch has. */
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct work work = {arrays[0], arrays[1], arrays[2], NULL, numbers[0], all_tiles(numbers[0]) / BATCHES,
                        numbers[1], team};
    if (work.chunks > 1 && !(work.memory = team->scratch(BATCHES * work.chunks * KERNEL * sizeof(REAL))))
        return;
    team->run(team, part, &work, BATCHES * work.chunks * CBS * KBS);
    if (work.chunks > 1)
        team->run(team, total, &work, BATCHES * DEPTH);
}
