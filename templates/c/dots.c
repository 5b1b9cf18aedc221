/* Sums along memory, out[p, m, v] = sum over s, u of a[p, m, s, u] * b[p, v, s, u].

   All u lie next to each other in both factors: a vector has summands of one element, and is added up at the end.
   Sizes and distances (in elements) are definitions, so that the compiler knows them.

       part   p0 to p5     each a call of part(), in any thread
         v                 NV of them and
           m               MR of these are a tile, whose sums stay in registers
             s0 to s2, u

   Both factors are read where they lie; EU is LANES at least. */
#include <stddef.h>

#include "team.h"
#include "vector.h"

static const long p_extent[] = P_EXTENT, p_a[] = P_A, p_b[] = P_B, p_o[] = P_O;
enum { PS = sizeof p_a / sizeof *p_a };

struct work {
    const REAL *a, *b;
    REAL *out;
    long firsts;
};

#if LANES > 1
/* All bits of the lanes from `low` to before `high`. */
static __attribute__((noinline)) lane_numbers lanes_between(int low, int high)
{
    lane_numbers lane;
    for (int k = 0; k < LANES; k++)
        lane[k] = -(low <= k && k < high);
    return lane;
}

/* A vector with 0 for the other lanes of `keep`: where there is infinity, it is not multiplied by that. */
INLINE vec kept(vec value, const lane_numbers *keep)
{
    return keep ? (vec)((lane_numbers)value & *keep) : value;
}
#else
typedef REAL lane_numbers;
#define lanes_between(low, high) 0
#define kept(value, keep) ((void)(keep), value)
#endif

/* What the lanes of a vector are together. */
static __attribute__((noinline)) REAL together(vec value)
{
#if LANES > 1
    UNROLL for (int step = 0; step < 5; step++) {
        const int half = LANES >> (step + 1);
        lane_numbers from;
        UNROLL for (int k = 0; k < LANES; k++)
            from[k] = (k + half) % LANES;
        value = half ? value + choose(value, value, from) : value;
    }
    return value[0];
#else
    return value;
#endif
}

/* A vector of summands of each row and column; of it some lanes, or all. */
INLINE void add(vec sums[MR][NV], const REAL *a, const REAL *b, const int mr, const int nv, const lane_numbers *keep)
{
    vec row[MR];
    UNROLL for (int m = 0; m < mr; m++) {
        row[m] = kept(load(a + m * (ptrdiff_t)M_A, LANES), keep);
        HOLD(row[m]);
    }
    UNROLL for (int v = 0; v < nv; v++) {
        const vec column = kept(load(b + v * (ptrdiff_t)V_B, LANES), keep);
        UNROLL for (int m = 0; m < mr; m++)
            sums[m][v] += row[m] * column;
    }
}

/* MR or fewer rows by NV or fewer columns. Vectors begin with the factors, on no border: results do not depend on where
   these lie, and to begin on a border was slower. */
INLINE void tile(const REAL *a, const REAL *b, REAL *out, const int mr, const int nv)
{
    vec sums[MR][NV];
    clear(sums, mr, nv);
    for (long s0 = 0; s0 < S0; s0++)
        for (long s1 = 0; s1 < S1; s1++)
            for (long s2 = 0; s2 < S2; s2++) {
                const REAL *x = a + s0 * (ptrdiff_t)S0_A + s1 * (ptrdiff_t)S1_A + s2 * (ptrdiff_t)S2_A;
                const REAL *w = b + s0 * (ptrdiff_t)S0_B + s1 * (ptrdiff_t)S1_B + s2 * (ptrdiff_t)S2_B;
                long u = 0;
                for (; u + LANES <= EU; u += LANES)
                    add(sums, x + u, w + u, mr, nv, NULL);
                if (u < EU) {
                    const lane_numbers keep = lanes_between((int)(LANES - (EU - u)), LANES);
                    add(sums, x + EU - LANES, w + EU - LANES, mr, nv, &keep);
                }
            }
    UNROLL for (int m = 0; m < mr; m++)
        UNROLL for (int v = 0; v < nv; v++)
            out[m * (ptrdiff_t)M_O + v * (ptrdiff_t)V_O] = together(sums[m][v]);
}

/* NV or fewer columns, for all rows of a part. */
INLINE void columns(const REAL *a, const REAL *b, REAL *out, long ms, const int nv)
{
    long m = 0;
    for (; m + MR <= ms; m += MR)
        tile(a + m * (ptrdiff_t)M_A, b, out + m * (ptrdiff_t)M_O, MR, nv);
    if (EM % MR && m < ms)
        tile(a + m * (ptrdiff_t)M_A, b, out + m * (ptrdiff_t)M_O, EM % MR ? EM % MR : 1, nv);
}

static void part(void *given, long number)
{
    const struct work *work = given;
    const REAL *a = work->a + A_START, *b = work->b + B_START;
    REAL *out = work->out + O_START;
    long ms = EM, vs = EV, rest = number;
    for (int p = PS - 1; p >= 0; p--) {
        const long extent = p ? p_extent[p] : work->firsts, place = rest % extent;
        rest /= extent;
        a += place * p_a[p];
        b += place * p_b[p];
        out += place * p_o[p];
        if (MB < EM && p == P_M)
            ms = EM - place * MB < MB ? EM - place * MB : MB;
        if (VB < EV && p == P_V)
            vs = EV - place * VB < VB ? EV - place * VB : VB;
    }
    long v = 0;
    for (; v + NV <= vs; v += NV)
        columns(a, b + v * (ptrdiff_t)V_B, out + v * (ptrdiff_t)V_O, ms, NV);
    if (EV % NV && v < vs)
        columns(a, b + v * (ptrdiff_t)V_B, out + v * (ptrdiff_t)V_O, ms, EV % NV ? EV % NV : 1);
}

/* arrays: a, b, out; numbers: the extent of p0. */
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct work work = {arrays[0], arrays[1], arrays[2], numbers[0]};
    long parts = numbers[0];
    for (int p = 1; p < PS; p++)
        parts *= p_extent[p];
    team->run(team, part, &work, parts);
}
