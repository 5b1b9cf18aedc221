/* Tiles of a correlation with fewer multiplications, F(M1, R1) along one axis and F(M2, R2) along another: where they
   lie, and the input of one at P1 x P2 points. Sizes, distances (in elements) and matrices are definitions.

   A window may be divided into pieces of R1 x R2 taps or fewer: those along further axes, those of a long window, and
   for a window with steps those that read every so many elements. What they read lies next to each other, C channels
   for each piece, and so do their kernels. */
#ifndef GRADSCRIBE_CORRELATION_H
#define GRADSCRIBE_CORRELATION_H

#include <stddef.h>
#include <string.h>

#include "vector.h"

#define P1 (M1 + R1 - 1)
#define P2 (M2 + R2 - 1)
#define POINTS (P1 * P2)
#define DEPTH ((long)PIECES * C)

static const REAL data1[P1][P1] = DATA1, data2[P2][P2] = DATA2;
static const long o_extent[] = O_EXTENT, o_x[] = O_X, o_y[] = O_Y, g_w[] = O_W;
enum { OS = sizeof o_extent / sizeof *o_extent };

static const struct piece {
    ptrdiff_t x, w;              /* where it begins, and in the kernel */
    long first, second;          /* how many positions further than the window */
    long high, wide;             /* how many positions there are along both axes */
    int low1, end1, low2, end2;  /* the taps that there are */
} pieces[PIECES] = PIECE;

/* The positions along other axes: how many there are, the first, and what pieces and other indices add to it. */
static const long q_size[] = Q_SIZE, q_start[] = Q_START;
enum { QS = sizeof q_size / sizeof *q_size };
static const long q_piece[PIECES][QS] = Q_PIECE, o_q[][QS] = O_Q;

/* to[r] = sum over k of matrix[r][k] * from[k], without what is 0; the macro `write` says where a sum goes. */
#define TRANSFORM_TO(rows, columns, matrix, from, from_step, write)               \
    UNROLL for (int r = 0; r < rows; r++) {                                       \
        vec sum = {0};                                                            \
        UNROLL for (int k = 0, some = 0; k < columns; k++)                        \
            if (matrix[r][k] != 0) {                                              \
                const vec value = (from)[k * (from_step)];                        \
                sum = some ? sum + matrix[r][k] * value : matrix[r][k] * value;   \
                some = 1;                                                         \
            }                                                                     \
        write;                                                                    \
    }
#define TRANSFORM(rows, columns, matrix, from, from_step, to, to_step) \
    TRANSFORM_TO(rows, columns, matrix, from, from_step, (to)[r * (to_step)] = sum)

/* How many of so many positions, the first of which is `first`, lie before an end. */
INLINE long within(long first, long end, long step, long most)
{
    const long left = first < end ? (end - first + step - 1) / step : 0;
    return left < most ? left : most;
}

/* A vector of a tile at the points; of its positions those from `low` to before `high` along both axes lie in x. */
INLINE void data_vector(const REAL *x, const long low[2], const long high[2], const int lanes, const int edge, REAL *v,
                        long point)
{
    vec half[POINTS];
    for (int j = 0; j < P2; j++) {
        const REAL *from = x + j * (ptrdiff_t)(D2 * A2);
        vec in[P1];
        UNROLL for (int i = 0; i < P1; i++, from += (ptrdiff_t)D1 * A1) {
            if (edge && (i < low[0] || i >= high[0] || j < low[1] || j >= high[1]))
                in[i] = (vec){0};
            else
                in[i] = load(from, lanes);
            if (j >= P2 - M2) /* of the next tile, which has the others */
                __builtin_prefetch(from + M2 * (ptrdiff_t)(D2 * A2));
        }
        TRANSFORM(P1, P1, data1, in, 1, half + j, P2)
    }
    for (int i = 0; i < P1; i++)
        TRANSFORM_TO(P2, P2, data2, half + i * P2, 1, store(v + (i * P2 + r) * point, sum, LANES))
}

/* So many channels of a tile at the points, which are so far apart: v[point][c]. All but the last of the blocks that
   channels are cut into are whole vectors. */
static void data_tile(const REAL *x, long first, long second, const struct piece *piece, long channels, REAL *v,
                      long point)
{
    const long low[] = {within(first, 0, D1, P1), within(second, 0, D2, P2)};
    const long high[] = {within(first, piece->high, D1, P1), within(second, piece->wide, D2, P2)};
    const REAL *from = x + first * (ptrdiff_t)A1 + second * (ptrdiff_t)A2;
    const int edge = low[0] || low[1] || high[0] < P1 || high[1] < P2;
    for (long c = 0; c < channels; c += LANES)
        if (C % LANES && c + LANES > channels)
            data_vector(from + c, low, high, C % LANES ? C % LANES : LANES, 1, v + c, point);
        else if (edge)
            data_vector(from + c, low, high, LANES, 1, v + c, point);
        else
            data_vector(from + c, low, high, LANES, 0, v + c, point);
}

struct place {
    long first, second; /* of a tile: the position along both axes of its first result */
    long others[QS];    /* and along others */
    ptrdiff_t x, y;
    long batch;
};

/* Where tile number t lies: batches and what else there is, the first of them of that extent, residues and tiles along
   both axes. */
static struct place placed(long firsts, long t)
{
    struct place at = {0};
    const long t2 = t % T2, r2 = t / T2 % D2, t1 = t / T2 / D2 % T1, r1 = t / T2 / D2 / T1 % D1;
    long rest = t / T2 / D2 / T1 / D1, scale = 1;
    at.first = r1 + (long)D1 * M1 * t1;
    at.second = r2 + (long)D2 * M2 * t2;
    memcpy(at.others, q_start, sizeof q_start);
    for (int o = OS - 1; o >= 0; o--) {
        const long extent = o ? o_extent[o] : firsts, k = rest % extent;
        rest /= extent;
        at.x += k * o_x[o];
        at.y += k * o_y[o];
        for (int q = 0; q < QS; q++)
            at.others[q] += k * o_q[o][q];
        if (g_w[o]) {
            at.batch += k * scale;
            scale *= extent;
        }
    }
    return at;
}

/* So many channels of the tile there for each piece, x beginning at the first of them: v[point][piece][c]. */
static void data_pieces(const REAL *x, const struct place *at, long channels, REAL *v, long point)
{
    for (int n = 0; n < PIECES; n++, v += channels) {
        const struct piece *piece = &pieces[n];
        int inside = 1;
        for (int q = 0; q < QS; q++) {
            const long other = at->others[q] + q_piece[n][q];
            inside &= other >= 0 && other < q_size[q];
        }
        if (inside)
            data_tile(x + at->x + X_START + piece->x, at->first + piece->first, at->second + piece->second, piece,
                      channels, v, point);
        else
            for (int p = 0; p < POINTS; p++)
                memset(v + p * point, 0, channels * sizeof(REAL));
    }
}

/* Whether a piece has this one of R1 x R2 taps. */
INLINE int has_tap(const struct piece *piece, int r)
{
    return r / R2 >= piece->low1 && r / R2 < piece->end1 && r % R2 >= piece->low2 && r % R2 < piece->end2;
}

/* All tiles, those of a batch behind each other. */
static long all_tiles(long firsts)
{
    long tiles = firsts * (long)D1 * T1 * D2 * T2;
    for (int o = 1; o < OS; o++)
        tiles *= o_extent[o];
    return tiles;
}

#endif
