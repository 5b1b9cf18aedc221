/* Vectors of LANES elements of the type REAL, and sums of products of them that stay in registers. */
#ifndef GRADSCRIBE_VECTOR_H
#define GRADSCRIBE_VECTOR_H

#include <stddef.h>

#if LANES == 1
typedef REAL vec;
typedef REAL loose;
#else
typedef REAL vec __attribute__((vector_size(LANES * sizeof(REAL))));
typedef REAL loose __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#endif
#define INLINE static inline __attribute__((always_inline))
#define WHOLE(number) (((number) + LANES - 1) / LANES * LANES)
#define UNROLL _Pragma("GCC unroll 32")
#define LINE (64 / (ptrdiff_t)sizeof(REAL)) /* elements of a line of a cache */

/* A compiler that has registers left still reads a vector from memory for each use: this makes it hold it. */
#if defined __AVX512F__
#define HOLD(value) __asm__("" : "+v"(value))
#elif defined __SSE2__
#define HOLD(value) __asm__("" : "+x"(value))
#elif defined __ARM_NEON
#define HOLD(value) __asm__("" : "+w"(value))
#else
#define HOLD(value) (void)0
#endif

/* The elements of two vectors, counted through, that these numbers say. */
#if LANES > 1
typedef __typeof__((vec){0} < (vec){0}) lane_numbers;
#ifdef __clang__
INLINE vec choose(const vec a, const vec b, const lane_numbers from)
{
    vec value;
    UNROLL for (int k = 0; k < LANES; k++)
        value[k] = from[k] < LANES ? a[from[k]] : b[from[k] - LANES];
    return value;
}
#else
#define choose __builtin_shuffle
#endif

/* So many vectors across: the first elements of all of them become the first vector. */
INLINE void turn(vec block[LANES])
{
    UNROLL for (int stage = 0; stage < __builtin_ctz(LANES); stage++)
        UNROLL for (int k = 0; k < LANES; k++) {
            const int step = 1 << stage;
            if (k & step)
                continue;
            lane_numbers low, high;
            UNROLL for (int at = 0; at < LANES; at++) {
                low[at] = at & step ? LANES + at - step : at;
                high[at] = at & step ? LANES + at : at + step;
            }
            const vec a = block[k], b = block[k + step];
            block[k] = choose(a, b, low);
            block[k + step] = choose(a, b, high);
        }
}
#else
#define turn(block) (void)(block)
#endif

INLINE vec load(const REAL *p, int lanes)
{
#if LANES > 1
    if (lanes < LANES) {
        vec value = {0};
        UNROLL for (int k = 0; k < lanes; k++)
            value[k] = p[k];
        return value;
    }
#endif
    (void)lanes;
    return *(const loose *)p;
}

INLINE void store(REAL *p, vec value, int lanes)
{
#if LANES > 1
    if (lanes < LANES) {
        UNROLL for (int k = 0; k < lanes; k++)
            p[k] = value[k];
        return;
    }
#endif
    (void)lanes;
    *(loose *)p = value;
}

/* Set the sums of a tile, MR or fewer rows by NV or fewer vectors, to 0. */
INLINE void clear(vec sums[MR][NV], const int mr, const int nv)
{
    UNROLL for (int m = 0; m < mr; m++)
        UNROLL for (int v = 0; v < nv; v++)
            sums[m][v] = (vec){0};
}

/* The micro-kernel: add sum over u of a[m * am + u * au] * b[u * bu + v] to the sums of a tile, or, if `along`, of
   a[m * am + u * au + v] * b[u * bu + v]. Of the last vectors of a and b so many lanes are read, and so many elements
   `back` from where they would lie. What lies `ahead` of b is asked for, unless that is 0: the next tile reads it; so
   is, line by line, what is read `later`, unless that is NULL. After `wide` rows the next ones begin `far` behind the
   first of these. */
INLINE void accumulate(vec sums[MR][NV], const REAL *a, const ptrdiff_t am, const ptrdiff_t au, const REAL *b,
                       const ptrdiff_t bu, const int us, const int mr, const int nv, const int along,
                       const int a_lanes, const int b_lanes, const ptrdiff_t ahead, const int wide,
                       const ptrdiff_t far, const int a_back, const int b_back, const REAL *later)
{
    for (int u = 0; u < us; u++, a += au, b += bu) {
        vec row[NV];
        if (later)
            __builtin_prefetch(later + u * LINE, 0, 2);
        UNROLL for (int v = 0; v < nv; v++) {
            const int last = v == nv - 1;
            row[v] = load(b + v * LANES - (last ? b_back : 0), last ? b_lanes : LANES);
            HOLD(row[v]);
            if (ahead)
                __builtin_prefetch(b + v * LANES + ahead, 0, 2);
        }
        UNROLL for (int m = 0; m < mr; m++)
            UNROLL for (int v = 0; v < nv; v++) {
                const int last = v == nv - 1;
                const REAL *at = a + m % wide * am + m / wide * far;
                sums[m][v] += along ? load(at + v * LANES - (last ? a_back : 0), last ? a_lanes : LANES) * row[v]
                                    : *at * row[v];
            }
    }
}

#endif
