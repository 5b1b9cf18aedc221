/* What stands before every function of loops: how its work is divided, and what its lines are made of.

   REAL is the type of the arrays, float or double. TYPE_1, TYPE_2, ... are those of arrays of integers. FIXED_1,
   FIXED_2, ... are numbers that are known when the function is compiled, 0 where one is not. SWEEPS is how often the
   loops are run, 1 where it is not defined. PLAIN, where it is defined, leaves vectors to the compiler; NARROW, the
   bytes that vectors have at most. */
#include <stdint.h>

#include "team.h"

/* UNROLLED stands before a loop over taps, whose number is often known; APART before one no round of which reads or
   writes what another one writes, which Clang sees by itself, and complains where that is of no use. */
#ifdef __clang__
#define UNROLLED _Pragma("unroll 16")
#define APART
#else
#define UNROLLED _Pragma("GCC unroll 16")
#define APART _Pragma("GCC ivdep")
/* Addresses are made of a base and an index. GCC would keep a pointer to each element of a window, and there are more
   of these than registers: sums over 3x3 windows take 1.2 times as long then. */
#pragma GCC optimize("no-ivopts")
#endif

#ifndef SWEEPS
#define SWEEPS 1
#endif

#define INFINITE ((REAL)__builtin_inf())

/* A number of the work. */
#define FIXED(k) (FIXED_##k ? FIXED_##k : numbers[k])

/* Memory for so many elements, of this part of the work. */
#define SCRATCH(type, number) ((type *)team->scratch((size_t)(number) * sizeof(type)))

#define FUNCTION __attribute__((unused)) static inline

/* ---- integers ---------------------------------------------------------------------------------------------------- */

FUNCTION long least(long a, long b)
{
    return a < b ? a : b;
}

FUNCTION long most(long a, long b)
{
    return a > b ? a : b;
}

/* What an array of labels says, to compute with: what is no position anywhere stays none, but does not overflow. */
FUNCTION long label_of(long label)
{
    return least(most(label, -(1L << 53)), 1L << 53);
}

/* The quotient rounded down, where C rounds to 0; the divisor is positive. */
FUNCTION long floor_quotient(long a, long b)
{
    return a / b - (a % b < 0);
}

FUNCTION long floor_remainder(long a, long b)
{
    return a % b + (a % b < 0 ? b : 0);
}

FUNCTION long power(long base, long exponent)
{
    long result = 1;
    for (; exponent > 0; exponent--)
        result *= base;
    return result;
}

/* The first index from 0 to a number for which 0 <= factor * index + rest < extent, and the one behind the last. */
FUNCTION long first_within(long factor, long rest, long extent, long number)
{
    if (factor == 0)
        return 0 <= rest && rest < extent ? 0 : number;
    const long first = factor > 0 ? -floor_quotient(rest, factor) : -floor_quotient(extent - 1 - rest, -factor);
    return least(most(0, first), number);
}

FUNCTION long behind_within(long factor, long rest, long extent, long number)
{
    if (factor == 0)
        return number;
    const long last = factor > 0 ? floor_quotient(extent - 1 - rest, factor) : floor_quotient(rest, -factor);
    return least(last + 1, number);
}

FUNCTION int32_t position(long number)
{
    return (int32_t)number;
}

/* ---- elements, one by one ---------------------------------------------------------------------------------------- */

/* All bits or none, as wide as a REAL. */
typedef __typeof__(_Generic((REAL)0, float: (int32_t)0, double: (int64_t)0)) mask;

FUNCTION mask when(int test)
{
    return -(mask)(test != 0);
}

/* Whether a number replaces the largest one so far: NaN does, and nothing replaces NaN. */
FUNCTION mask above(REAL number, REAL best)
{
    return when(!(number <= best)) & when(best == best);
}

FUNCTION mask below(REAL number, REAL best)
{
    return when(!(number >= best)) & when(best == best);
}

FUNCTION REAL larger(REAL a, REAL b)
{
    return above(b, a) ? b : a;
}

FUNCTION REAL smaller(REAL a, REAL b)
{
    return below(b, a) ? b : a;
}

FUNCTION REAL absolute(REAL number)
{
    return _Generic(number, float: __builtin_fabsf, double: __builtin_fabs)(number);
}

/* 1, -1 or 0; of NaN NaN. */
FUNCTION REAL sign_of(REAL number)
{
    return number > 0 ? 1 : number < 0 ? -1 : number == 0 ? 0 : number;
}

/* ---- elements, LANES at a time ----------------------------------------------------------------------------------- */

#if defined __AVX512F__
#define WIDEST 64
#elif defined __AVX__
#define WIDEST 32
#else
#define WIDEST 16
#endif
#if defined NARROW && NARROW < WIDEST
#define VECTOR NARROW
#else
#define VECTOR WIDEST
#endif
#define LANES (VECTOR / (long)sizeof(REAL))

/* Where whole vectors of a range end. */
FUNCTION long whole(long low, long high)
{
#ifdef PLAIN
    (void)high;
    return low;
#else
    return low + (high - low) / LANES * LANES;
#endif
}

/* Up to where vectors cover a range, the last of which begins where it still fits, and where the next one begins. */
FUNCTION long covered(long low, long high)
{
    return whole(low, high) > low ? high : low;
}

FUNCTION long onward(long k, long high)
{
    return k + LANES < high ? least(k + LANES, high - LANES) : high;
}

typedef REAL reals __attribute__((vector_size(LANES * sizeof(REAL))));
typedef mask masks __attribute__((vector_size(LANES * sizeof(REAL))));
typedef int32_t words __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef int64_t longs __attribute__((vector_size(LANES * sizeof(int64_t))));

/* The same anywhere in memory. */
typedef REAL reals_at __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
typedef int32_t words_at __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(4), may_alias));
typedef int64_t longs_at __attribute__((vector_size(LANES * sizeof(int64_t)), aligned(8), may_alias));

FUNCTION reals all(REAL number)
{
    return number - (reals){0};
}

FUNCTION masks all_integers(mask number)
{
    return number - (masks){0};
}

FUNCTION reals load(const REAL *from)
{
    return *(const reals_at *)from;
}

FUNCTION void store(REAL *to, reals numbers)
{
    *(reals_at *)to = numbers;
}

FUNCTION void store_words(int32_t *to, masks numbers)
{
    *(words_at *)to = __builtin_convertvector(numbers, words);
}

FUNCTION masks load_words(const int32_t *from)
{
    return __builtin_convertvector(*(const words_at *)from, masks);
}

FUNCTION masks load_longs(const int64_t *from)
{
    return __builtin_convertvector(*(const longs_at *)from, masks);
}

#define load_integers(from)                                                                                            \
    _Generic((from), int32_t *: load_words, const int32_t *: load_words, const int64_t *: load_longs)(from)

/* The result of a comparison. */
#define MASKS(test) ((masks)(test))

FUNCTION reals choose(masks which, reals a, reals b)
{
    return (reals)((which & (masks)a) | (~which & (masks)b));
}

FUNCTION masks choose_integers(masks which, masks a, masks b)
{
    return (which & a) | (~which & b);
}

FUNCTION masks all_above(reals numbers, reals best)
{
    return ~MASKS(numbers <= best) & MASKS(best == best);
}

FUNCTION masks all_below(reals numbers, reals best)
{
    return ~MASKS(numbers >= best) & MASKS(best == best);
}

FUNCTION reals all_larger(reals a, reals b)
{
    return choose(all_above(b, a), b, a);
}

FUNCTION reals all_smaller(reals a, reals b)
{
    return choose(all_below(b, a), b, a);
}

/* The best so far in each lane, and the lanes that had a NaN, apart: so a step of a row waits for no more than one
   comparison of the step before. */
typedef struct {
    reals best;
    masks none;
} extremes;

FUNCTION extremes extremes_from(REAL number)
{
    return (extremes){all(number), {0}};
}

FUNCTION void go_up(extremes *found, reals numbers)
{
    found->best = choose(MASKS(numbers > found->best), numbers, found->best);
    found->none |= MASKS(numbers != numbers);
}

FUNCTION void go_down(extremes *found, reals numbers)
{
    found->best = choose(MASKS(numbers < found->best), numbers, found->best);
    found->none |= MASKS(numbers != numbers);
}

/* Go on with what runs along a row, a vector: elements that are no whole vector come to its first one. Four vectors in
   turn were no faster: there is enough to do besides. */
#define all_add_to(sums, numbers) ((sums) += (numbers))
#define add_to(sums, number) ((sums)[0] += (number))
#define all_raise_to(found, numbers) go_up(&(found), numbers)
#define raise_to(found, number) ((found).best[0] = larger((found).best[0], number))
#define all_lower_to(found, numbers) go_down(&(found), numbers)
#define lower_to(found, number) ((found).best[0] = smaller((found).best[0], number))

FUNCTION reals all_absolute(reals numbers)
{
    return (reals)((masks)numbers & ~(masks)all((REAL)-0.0));
}

FUNCTION reals all_sign_of(reals numbers)
{
    const masks up = MASKS(numbers > 0), down = MASKS(numbers < 0), none = MASKS(numbers != numbers);
    return (reals)((up & (masks)all(1)) | (down & (masks)all(-1)) | (none & (masks)numbers));
}

typedef double doubles_of_sums __attribute__((vector_size(VECTOR)));
typedef int64_t places_of_sums __attribute__((vector_size(VECTOR)));
typedef REAL fewer_reals __attribute__((vector_size(VECTOR / sizeof(double) * sizeof(REAL)), may_alias));

/* What is `half` lanes away from each lane: halves of a vector come together, then their halves, all in registers. */
#ifdef __clang__
#define SHUFFLED(numbers, from)                                                                                        \
    __typeof__(numbers) moved;                                                                                         \
    for (unsigned long k = 0; k < sizeof from / sizeof from[0]; k++)                                                   \
        moved[k] = numbers[from[k]];                                                                                   \
    return moved
#else
#define SHUFFLED(numbers, from) return __builtin_shuffle(numbers, from)
#endif
#define BESIDE(name, type, places)                                                                                     \
    FUNCTION type name(type numbers, int half)                                                                         \
    {                                                                                                                  \
        places from;                                                                                                   \
        for (int k = 0; k < (int)(sizeof from / sizeof from[0]); k++)                                                  \
            from[k] = k;                                                                                               \
        from ^= half;                                                                                                  \
        SHUFFLED(numbers, from);                                                                                       \
    }
BESIDE(beside, reals, masks)
BESIDE(sums_beside, doubles_of_sums, places_of_sums)

/* What the lanes are together. */
FUNCTION double sum_of(reals numbers)
{
    doubles_of_sums sums = {0};
    for (unsigned long k = 0; k < sizeof numbers / sizeof(fewer_reals); k++)
        sums += __builtin_convertvector(((const fewer_reals *)&numbers)[k], doubles_of_sums);
    for (int half = VECTOR / 8 / 2; half > 0; half /= 2)
        sums += sums_beside(sums, half);
    return sums[0];
}

FUNCTION REAL largest_of(extremes found)
{
    reals best = choose(found.none, all(__builtin_nanf("")), found.best);
    for (int half = LANES / 2; half > 0; half /= 2)
        best = all_larger(best, beside(best, half));
    return best[0];
}

FUNCTION REAL smallest_of(extremes found)
{
    reals best = choose(found.none, all(__builtin_nanf("")), found.best);
    for (int half = LANES / 2; half > 0; half /= 2)
        best = all_smaller(best, beside(best, half));
    return best[0];
}

#include "functions.h"

/* ---- parts of the work ------------------------------------------------------------------------------------------- */

/* `numbers` begins with the extent of the outermost loop and with what a part has of it. Where sums of parts are added
   up there is a second sweep, which is one part. */
struct work {
    void *const *arrays;
    const long *numbers;
    struct team *team;
    int sweep;
};

static void part(void *given, long number);

FUNCTION long begin(const struct work *work, long number)
{
    return least(number * work->numbers[1], work->numbers[0]);
}

void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        struct work work = {arrays, numbers, team, sweep};
        team->run(team, part, &work, sweep ? 1 : (numbers[0] + numbers[1] - 1) / numbers[1]);
    }
}
