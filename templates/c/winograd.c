/* A correlation with fewer multiplications: F(M1, R1) along one axis and F(M2, R2) along another.

       u = G g G^T      the kernel at P1 x P2 points, for every c and k
       part             tiles of the input, each of which gives M1 x M2 results
         v = B^T d B    tiles at the points
         m = v u        at every point: a product of matrices, tiles by c and c by k
         y = A^T m A    results

   A block of tiles goes through all stages in the cache. Sizes, distances (in elements) and matrices are defined. */
#include "correlation.h"
#include "team.h"

#define BLOCK (NV * LANES)
#define BLOCKS ((K + BLOCK - 1) / BLOCK)
#define WIDTH (BLOCKS * BLOCK)
#define C_BLOCKS ((C + LANES - 1) / LANES)
/* Rows and points a little further apart than they are long: powers of two would meet in one set of a cache. */
#define ROW (WHOLE(DEPTH) + LANES)
#define V_POINT ((long)TILES * ROW + 3 * LANES)
#define M_POINT ((long)TILES * WIDTH + 3 * LANES)
/* A panel of the kernel that the first cache does not hold is brought nearer while the one before is read. */
#define AHEAD (DEPTH * BLOCK * (long)sizeof(REAL) > 32 << 10 ? DEPTH * BLOCK : 0)
#define U_POINT (DEPTH * WIDTH + 3 * LANES)

static const REAL output1[M1][P1] = OUTPUT1, kernel1[P1][R1] = KERNEL1;
static const REAL output2[M2][P2] = OUTPUT2, kernel2[P2][R2] = KERNEL2;

struct work {
    const REAL *x, *w, *row;
    REAL *y, *u;
    long batch, tiles, wide;
    struct team *team;
};

#define TAP(w, r) ((w) + (r) / R2 * (ptrdiff_t)R1_W + (r) % R2 * (ptrdiff_t)R2_W)

/* The kernel at the points, for LANES of c of a piece of one batch: u[point][block of k][piece][c][k]. */
static void kernel_part(void *given, long number)
{
    struct work *work = given;
    const long c0 = number % C_BLOCKS * LANES, n = number / C_BLOCKS % PIECES, batch = number / C_BLOCKS / PIECES;
    const long cs = C - c0 < LANES ? C - c0 : LANES;
    const struct piece *piece = &pieces[n];
    const REAL *w = work->w + W_START + c0 * (ptrdiff_t)C_W + piece->w;
    long rest = batch;
    for (int o = OS - 1; o >= 0; o--)
        if (g_w[o]) {
            const long extent = o ? o_extent[o] : work->batch;
            w += rest % extent * g_w[o];
            rest /= extent;
        }
    for (long k = 0; k < WIDTH; k += LANES) {
        REAL *u = work->u + batch * POINTS * U_POINT + (k / BLOCK * DEPTH + n * C + c0) * BLOCK + k % BLOCK;
        const int beside = K_W == 1 && k + LANES <= K;
        REAL turned[R1 * R2][LANES][LANES];
        if (!beside) { /* what lies next to each other is read together, whichever index that is */
            memset(turned, 0, sizeof turned);
            for (int r = 0; r < R1 * R2; r++)
                for (long v = 0; has_tap(piece, r) && v < LANES && k + v < K; v++) {
                    const REAL *from = TAP(w, r) + (k + v) * (ptrdiff_t)K_W;
                    for (long c = 0; c < cs; c++)
                        turned[r][c][v] = from[c * (ptrdiff_t)C_W];
                }
        }
        for (long c = 0; c < cs; c++, u += BLOCK) {
            vec taps[R1 * R2], half[P1 * R2];
            const REAL *from = w + c * (ptrdiff_t)C_W + k * (ptrdiff_t)K_W;
            for (int r = 0; r < R1 * R2; r++)
                taps[r] = has_tap(piece, r) ? load(beside ? TAP(from, r) : turned[r][c], LANES) : (vec){0};
            for (int t = 0; t < R2; t++)
                TRANSFORM(P1, R1, kernel1, taps + t, R2, half + t, R2)
            for (int i = 0; i < P1; i++)
                TRANSFORM_TO(P2, R2, kernel2, half + i * R2, 1, store(u + (i * P2 + r) * U_POINT, sum, LANES))
        }
    }
}

/* The results of a tile that lie inside, from the products m[point][k], for some of k; a row of all k is added to each,
   if there is one. */
static void output_tile(const REAL *m, const REAL *row, long highs, long wides, long first, long end, REAL *y)
{
    for (long k = first; k < end; k += LANES) {
        vec in[POINTS], half[M1 * P2], full[M1 * M2];
        const int lanes = K % LANES && k + LANES > K ? K % LANES : LANES;
        for (int p = 0; p < POINTS; p++)
            in[p] = load(m + p * M_POINT + k, LANES);
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

INLINE void product(const REAL *v, const REAL *u, REAL *m, const int mr)
{
    for (long c = 0; c < DEPTH; c += CHAIN) {
        vec sums[MR][NV];
        clear(sums, mr, NV);
        accumulate(sums, v + c, ROW, 1, u + c * BLOCK, BLOCK, DEPTH - c < CHAIN ? DEPTH - c : CHAIN, mr, NV, 0,
                   LANES, LANES, AHEAD, MR, 0, 0, 0);
        UNROLL for (int r = 0; r < mr; r++)
            UNROLL for (int n = 0; n < NV; n++) {
                REAL *to = m + r * WIDTH + n * LANES;
                store(to, c ? load(to, LANES) + sums[r][n] : sums[r][n], LANES);
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

/* TILES tiles, all of one batch, where those of a batch follow each other; so that threads share few tiles, some of
   the blocks of k. */
static void part(void *given, long number)
{
    struct work *work = given;
    REAL *v = work->team->scratch(POINTS * (V_POINT + M_POINT) * sizeof(REAL));
    if (!v)
        return;
    REAL *m = v + POINTS * V_POINT;
    const long each = work->tiles / BATCHES, parts = (each + TILES - 1) / TILES;
    const long wide = work->wide, share = number % wide;
    const long first = BLOCKS * share / wide, last = BLOCKS * (share + 1) / wide;
    number /= wide;
    const long start = number / parts * each + number % parts * TILES, end = (number / parts + 1) * each;
    const long tiles = end - start < TILES ? end - start : TILES;
    /* The kernel is read as often for one row as for all that registers hold: missing rows are 0. */
    const long rows = tiles % MR > FEW ? (tiles + MR - 1) / MR * MR : tiles;
    struct place at = {0};
    for (long t = 0; t < tiles; t++) {
        at = placed(work->batch, start + t);
        data_pieces(work->x, &at, C, v + t * ROW, V_POINT);
    }
    const REAL *u = work->u + at.batch * POINTS * U_POINT;
    for (int p = 0; p < POINTS; p++) {
        memset(v + p * V_POINT + tiles * ROW, 0, (rows - tiles) * ROW * sizeof(REAL));
        for (long k = first; k < last; k++) {
            const REAL *from = v + p * V_POINT, *with = u + p * U_POINT + k * DEPTH * BLOCK;
            REAL *to = m + p * M_POINT + k * BLOCK;
            long t = 0;
            for (; t + MR <= rows; t += MR)
                product(from + t * ROW, with, to + t * WIDTH, MR);
            for (; t < tiles; t++)
                product(from + t * ROW, with, to + t * WIDTH, 1);
        }
    }
    const long k0 = first * BLOCK, ks = last * BLOCK < K ? last * BLOCK : K;
    const REAL *begun = NULL; /* of a row of tiles that lie side by side */
    for (long t = 0; t < tiles; t++) {
        at = placed(work->batch, start + t);
        if (at.first >= E1 || at.second >= E2)
            continue;
        const long highs = within(at.first, E1, D1, M1), wides = within(at.second, E2, D2, M2);
        REAL *y = work->y + at.y + Y_START + at.first * (ptrdiff_t)Y1 + at.second * (ptrdiff_t)Y2;
        output_tile(m + t * WIDTH, work->row, highs, wides, k0, ks, y);
        begun = begun ? begun : y;
        const int last = (start + t) % T2 == T2 - 1 || t == tiles - 1;
        if (!work->team->made)
            continue;
        if (ks - k0 < K || D2 > 1 || Y2 != K)
            tell(work->team, y, highs, wides, k0, ks);
        else if (last) {
            tell(work->team, begun, highs, (y - begun) / Y2 + wides, 0, K);
            begun = NULL;
        }
    }
}

/* arrays: x, w, y, and a row of all k or NULL; numbers: the extent of the first of the other indices, and into how many
   parts k is divided. */
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct work work = {.x = arrays[0], .w = arrays[1], .row = arrays[3], .y = arrays[2], .batch = numbers[0],
                        .tiles = all_tiles(numbers[0]), .wide = numbers[1], .team = team};
    work.u = team->scratch(BATCHES * POINTS * U_POINT * sizeof(REAL));
    if (!work.u)
        return;
    team->run(team, kernel_part, &work, (long)BATCHES * PIECES * C_BLOCKS);
    const long each = work.tiles / BATCHES;
    team->run(team, part, &work, BATCHES * ((each + TILES - 1) / TILES) * work.wide);
}
