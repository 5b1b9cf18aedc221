/* A correlation with fewer multiplications: F(M1, R1) along one axis and F(M2, R2) along another.

       u = G g G^T      the kernel at P1 x P2 points, for every c and k
       part             tiles of the input, each of which gives M1 x M2 results
         v = B^T d B    tiles at the points
         m = v u        at every point: a product of matrices, tiles by c and c by k
         y = A^T m A    results

   A block of tiles goes through all stages in the cache. Sizes, distances (in elements) and matrices are defined. */
#include <stddef.h>
#include <string.h>

#include "team.h"
#include "vector.h"

#define P1 (M1 + R1 - 1)
#define P2 (M2 + R2 - 1)
#define POINTS (P1 * P2)
#define BLOCK (NV * LANES)
#define BLOCKS ((K + BLOCK - 1) / BLOCK)
#define TAIL ((K - 1) % BLOCK + 1)
#define WIDTH (BLOCKS * BLOCK)
#define DEPTH ((C + LANES - 1) / LANES * LANES)
/* Rows and points a little further apart than they are long: powers of two would meet in one set of a cache. */
#define ROW (DEPTH + LANES)
#define V_POINT ((long)TILES * ROW + 3 * LANES)
#define M_POINT ((long)TILES * WIDTH + 3 * LANES)
#define U_POINT ((long)C * WIDTH)

static const REAL output1[M1][P1] = OUTPUT1, kernel1[P1][R1] = KERNEL1, data1[P1][P1] = DATA1;
static const REAL output2[M2][P2] = OUTPUT2, kernel2[P2][R2] = KERNEL2, data2[P2][P2] = DATA2;
static const long o_extent[] = O_EXTENT, o_x[] = O_X, o_y[] = O_Y, g_w[] = O_W;
enum { OS = sizeof o_extent / sizeof *o_extent };

struct work {
    const REAL *x, *w;
    REAL *y, *u;
    long batch, tiles;
    struct team *team;
};

/* to[r] = sum over k of matrix[r][k] * from[k], without what is 0. */
#define TRANSFORM(rows, columns, matrix, from, from_step, to, to_step)            \
    UNROLL for (int r = 0; r < rows; r++) {                                       \
        vec sum = {0};                                                            \
        UNROLL for (int k = 0, some = 0; k < columns; k++)                        \
            if (matrix[r][k] != 0) {                                              \
                const vec value = (from)[k * (from_step)];                        \
                sum = some ? sum + matrix[r][k] * value : matrix[r][k] * value;   \
                some = 1;                                                         \
            }                                                                     \
        (to)[r * (to_step)] = sum;                                                \
    }

/* The kernel at the points, for one c of one batch: u[point][block of k][c][k]. */
static void kernel_part(void *given, long number)
{
    struct work *work = given;
    const long c = number % C, batch = number / C;
    const REAL *w = work->w + W_START + c * (ptrdiff_t)C_W;
    long rest = batch;
    for (int o = OS - 1; o >= 0; o--)
        if (g_w[o]) {
            const long extent = o ? o_extent[o] : work->batch;
            w += rest % extent * g_w[o];
            rest /= extent;
        }
    REAL *u = work->u + batch * POINTS * U_POINT;
    for (long k = 0; k < WIDTH; k += LANES) {
        vec taps[R1 * R2], half[P1 * R2], full[POINTS];
        for (int r = 0; r < R1; r++)
            for (int t = 0; t < R2; t++) {
                const REAL *from = w + r * (ptrdiff_t)R1_W + t * (ptrdiff_t)R2_W + k * (ptrdiff_t)K_W;
                if (K_W == 1 && k + LANES <= K)
                    taps[r * R2 + t] = load(from, LANES);
                else {
                    REAL some[LANES] = {0};
                    for (long v = 0; v < LANES && k + v < K; v++)
                        some[v] = from[v * (ptrdiff_t)K_W];
                    taps[r * R2 + t] = load(some, LANES);
                }
            }
        for (int t = 0; t < R2; t++)
            TRANSFORM(P1, R1, kernel1, taps + t, R2, half + t, R2)
        for (int p = 0; p < P1; p++)
            TRANSFORM(P2, R2, kernel2, half + p * R2, 1, full + p * P2, 1)
        for (int p = 0; p < POINTS; p++)
            store(u + p * U_POINT + k / BLOCK * ((long)C * BLOCK) + c * BLOCK + k % BLOCK, full[p], LANES);
    }
}

/* A tile at the points: v[point][c]. */
static void data_tile(const REAL *x, long first, long second, REAL *box, REAL *v)
{
    const REAL *from = box;
    long step1 = P2 * DEPTH, step2 = DEPTH;
    if (first < 0 || second < 0 || first + (P1 - 1) * D1 >= H || second + (P2 - 1) * D2 >= W) {
        for (int i = 0; i < P1; i++)
            for (int j = 0; j < P2; j++) {
                const long h = first + i * D1, l = second + j * D2;
                if (h < 0 || h >= H || l < 0 || l >= W)
                    memset(box + (i * P2 + j) * DEPTH, 0, DEPTH * sizeof(REAL));
                else
                    memcpy(box + (i * P2 + j) * DEPTH, x + h * (ptrdiff_t)A1 + l * (ptrdiff_t)A2, C * sizeof(REAL));
            }
    } else
        from = x + first * (ptrdiff_t)A1 + second * (ptrdiff_t)A2, step1 = (long)D1 * A1, step2 = (long)D2 * A2;
    for (long c = 0; c < C; c += LANES) {
        vec in[POINTS], half[POINTS], full[POINTS];
        const int lanes = C % LANES && c + LANES > C ? C % LANES : LANES;
        for (int i = 0; i < P1; i++)
            for (int j = 0; j < P2; j++)
                in[i * P2 + j] = load(from + i * step1 + j * step2 + c, lanes);
        for (int j = 0; j < P2; j++)
            TRANSFORM(P1, P1, data1, in + j, P2, half + j, P2)
        for (int i = 0; i < P1; i++)
            TRANSFORM(P2, P2, data2, half + i * P2, 1, full + i * P2, 1)
        for (int p = 0; p < POINTS; p++)
            store(v + p * V_POINT + c, full[p], LANES);
    }
}

/* The results of a tile that lie inside, from the products m[point][k]. */
static void output_tile(const REAL *m, long highs, long wides, REAL *y)
{
    for (long k = 0; k < K; k += LANES) {
        vec in[POINTS], half[M1 * P2], full[M1 * M2];
        const int lanes = K % LANES && k + LANES > K ? K % LANES : LANES;
        for (int p = 0; p < POINTS; p++)
            in[p] = load(m + p * M_POINT + k, LANES);
        for (int j = 0; j < P2; j++)
            TRANSFORM(M1, P1, output1, in + j, P2, half + j, P2)
        for (int i = 0; i < M1; i++)
            TRANSFORM(M2, P2, output2, half + i * P2, 1, full + i * M2, 1)
        for (int i = 0; i < highs; i++)
            for (int j = 0; j < wides; j++)
                store(y + i * (ptrdiff_t)(D1 * Y1) + j * (ptrdiff_t)(D2 * Y2) + k, full[i * M2 + j], lanes);
    }
}

INLINE void product(const REAL *v, const REAL *u, REAL *m, const int mr)
{
    for (long c = 0; c < C; c += CHAIN) {
        vec sums[MR][NV];
        clear(sums, mr, NV);
        accumulate(sums, v + c, ROW, 1, u + c * BLOCK, BLOCK, C - c < CHAIN ? C - c : CHAIN, mr, NV, LANES);
        UNROLL for (int r = 0; r < mr; r++)
            UNROLL for (int n = 0; n < NV; n++) {
                REAL *to = m + r * WIDTH + n * LANES;
                store(to, c ? load(to, LANES) + sums[r][n] : sums[r][n], LANES);
            }
    }
}

struct place {
    long first, second; /* of a tile: the position along both axes of its first result */
    ptrdiff_t x, y;
    long batch;
};

/* Where tile number t lies: batches and what else there is, residues and tiles along both axes. */
static struct place placed(const struct work *work, long t)
{
    struct place at = {0};
    const long t2 = t % T2, r2 = t / T2 % D2, t1 = t / T2 / D2 % T1, r1 = t / T2 / D2 / T1 % D1;
    long rest = t / T2 / D2 / T1 / D1, scale = 1;
    at.first = r1 + (long)D1 * M1 * t1;
    at.second = r2 + (long)D2 * M2 * t2;
    for (int o = OS - 1; o >= 0; o--) {
        const long extent = o ? o_extent[o] : work->batch, k = rest % extent;
        rest /= extent;
        at.x += k * o_x[o];
        at.y += k * o_y[o];
        if (g_w[o]) {
            at.batch += k * scale;
            scale *= extent;
        }
    }
    return at;
}

static long within(long first, long extent, long step, long most)
{
    const long left = (extent - first + step - 1) / step;
    return left < most ? left : most;
}

/* TILES tiles, all of one batch: those of a batch follow each other. */
static void part(void *given, long number)
{
    struct work *work = given;
    REAL *v = work->team->scratch((POINTS * (V_POINT + M_POINT) + POINTS * DEPTH) * sizeof(REAL));
    if (!v)
        return;
    REAL *m = v + POINTS * V_POINT, *box = m + POINTS * M_POINT;
    const long each = work->tiles / BATCHES, parts = (each + TILES - 1) / TILES;
    const long start = number / parts * each + number % parts * TILES, end = (number / parts + 1) * each;
    const long tiles = end - start < TILES ? end - start : TILES;
    struct place at = {0};
    for (long t = 0; t < tiles; t++) {
        at = placed(work, start + t);
        data_tile(work->x + at.x + X_START, at.first + F1, at.second + F2, box, v + t * ROW);
    }
    const REAL *u = work->u + at.batch * POINTS * U_POINT;
    for (int p = 0; p < POINTS; p++)
        for (long k = 0; k < BLOCKS; k++) {
            const REAL *from = v + p * V_POINT, *with = u + p * U_POINT + k * C * BLOCK;
            REAL *to = m + p * M_POINT + k * BLOCK;
            long t = 0;
            for (; t + MR <= tiles; t += MR)
                product(from + t * ROW, with, to + t * WIDTH, MR);
            for (; t < tiles; t++)
                product(from + t * ROW, with, to + t * WIDTH, 1);
        }
    for (long t = 0; t < tiles; t++) {
        at = placed(work, start + t);
        if (at.first < E1 && at.second < E2)
            output_tile(m + t * WIDTH, within(at.first, E1, D1, M1), within(at.second, E2, D2, M2),
                        work->y + at.y + Y_START + at.first * (ptrdiff_t)Y1 + at.second * (ptrdiff_t)Y2);
    }
}

/* arrays: x, w, y; numbers: the extent of the first of the other indices. */
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct work work = {arrays[0], arrays[1], arrays[2], NULL, numbers[0], 0, team};
    work.tiles = numbers[0] * (long)D1 * T1 * D2 * T2;
    for (int o = 1; o < OS; o++)
        work.tiles *= o_extent[o];
    work.u = team->scratch(BATCHES * POINTS * U_POINT * sizeof(REAL));
    if (!work.u)
        return;
    team->run(team, kernel_part, &work, (long)BATCHES * C);
    const long each = work.tiles / BATCHES;
    team->run(team, part, &work, BATCHES * ((each + TILES - 1) / TILES));
}
