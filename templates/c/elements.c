/* What NumPy does with the elements of arrays of any strides: for recorded calls.

   It stands behind loops.c, whose kernel counts the parts: `numbers` begin with how many there are, and 1. Then follow
   what is computed, one of the words below, the extents of the axes, and for each axis four strides, in elements, that
   of the target first. The innermost axis is the last one. `arrays` are the target and up to three that are read. */
#include "team.h"

enum { AXES = 6, BLOCK = 1 << 13 };

enum operation {
    COPY, ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM, NEGATIVE, ABSOLUTE, SQUARE, SQRT, RECIPROCAL,
    EXP, LOG, TANH, EXPM1, LOG1P, SIN, COS, ARCTAN, SINH, COSH,
    GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, EQUAL, NOT_EQUAL, AND, OR, NOT, WHERE
};

struct row {
    void *to;
    const void *a, *b, *c;
    long length, step, step_a, step_b, step_c;
};

/* An element that is read: a row steps by 1 or 0 where vectors are. */
FUNCTION reals next(const REAL *from, long step, long k)
{
    return step ? load(from + k) : all(*from);
}

#define ROW(vectors, single)                                                                                           \
    do {                                                                                                               \
        REAL *to = row->to;                                                                                   \
        const REAL *from_a = row->a, *from_b = row->b;                                                                 \
        long k = 0;                                                                                                    \
        if (row->step == 1 && (row->step_a | 1) == 1 && (row->step_b | 1) == 1)                                        \
            for (; k < whole(0, row->length); k += LANES) {                                                            \
                const reals a = next(from_a, row->step_a, k), b = next(from_b, row->step_b, k);                        \
                (void)b;                                                                                               \
                store(to + k, vectors);                                                                                \
            }                                                                                                          \
        for (; k < row->length; k++) {                                                                                 \
            const REAL a = from_a[k * row->step_a], b = from_b[k * row->step_b];                                       \
            (void)b;                                                                                                   \
            to[k * row->step] = single;                                                                                \
        }                                                                                                              \
    } while (0)

#define COMPARED(test)                                                                                                 \
    do {                                                                                                               \
        uint8_t *to = row->to;                                                                                \
        const REAL *from_a = row->a, *from_b = row->b;                                                                 \
        for (long k = 0; k < row->length; k++) {                                                                       \
            const REAL a = from_a[k * row->step_a], b = from_b[k * row->step_b];                                       \
            to[k * row->step] = test;                                                                                  \
        }                                                                                                              \
    } while (0)

#define BRACKETS(test)                                                                                                 \
    do {                                                                                                               \
        uint8_t *to = row->to;                                                                                \
        const uint8_t *from_a = row->a, *from_b = row->b;                                                              \
        for (long k = 0; k < row->length; k++) {                                                                       \
            const uint8_t a = from_a[k * row->step_a], b = from_b[k * row->step_b];                                    \
            (void)b;                                                                                                   \
            to[k * row->step] = test;                                                                                  \
        }                                                                                                              \
    } while (0)

static void chosen(const struct row *row)
{
    REAL *to = row->to;
    const uint8_t *which = row->a;
    const REAL *one = row->b, *other = row->c;
    for (long k = 0; k < row->length; k++)
        to[k * row->step] = which[k * row->step_a] ? one[k * row->step_b] : other[k * row->step_c];
}

static void compute(enum operation operation, const struct row *row)
{
    switch (operation) {
    case COPY: ROW(a, a); break;
    case ADD: ROW(a + b, a + b); break;
    case SUBTRACT: ROW(a - b, a - b); break;
    case MULTIPLY: ROW(a * b, a * b); break;
    case DIVIDE: ROW(a / b, a / b); break;
    case MAXIMUM: ROW(all_larger(a, b), larger(a, b)); break;
    case MINIMUM: ROW(all_smaller(a, b), smaller(a, b)); break;
    case NEGATIVE: ROW(-a, -a); break;
    case ABSOLUTE: ROW(all_absolute(a), absolute(a)); break;
    case SQUARE: ROW(a * a, a * a); break;
    case SQRT: ROW(all_root_of(a), root_of(a)); break;
    case RECIPROCAL: ROW(1 / a, 1 / a); break;
    case EXP: ROW(all_exp_of(a), exp_of(a)); break;
    case LOG: ROW(all_log_of(a), log_of(a)); break;
    case TANH: ROW(all_tanh_of(a), tanh_of(a)); break;
    case EXPM1: ROW(all_expm1_of(a), expm1_of(a)); break;
    case LOG1P: ROW(all_log1p_of(a), log1p_of(a)); break;
    case SIN: ROW(all_sin_of(a), sin_of(a)); break;
    case COS: ROW(all_cos_of(a), cos_of(a)); break;
    case ARCTAN: ROW(all_atan_of(a), atan_of(a)); break;
    case SINH: ROW(all_sinh_of(a), sinh_of(a)); break;
    case COSH: ROW(all_cosh_of(a), cosh_of(a)); break;
    case GREATER: COMPARED(a > b); break;
    case GREATER_EQUAL: COMPARED(a >= b); break;
    case LESS: COMPARED(a < b); break;
    case LESS_EQUAL: COMPARED(a <= b); break;
    case EQUAL: COMPARED(a == b); break;
    case NOT_EQUAL: COMPARED(a != b); break;
    case AND: BRACKETS(a & b); break;
    case OR: BRACKETS(a | b); break;
    case NOT: BRACKETS(!a); break;
    case WHERE: chosen(row); break;
    }
}

/* How many bytes an element of the target, and of what is read first and else, has. */
FUNCTION long written(enum operation operation)
{
    return operation >= GREATER && operation <= NOT ? 1 : (long)sizeof(REAL);
}

FUNCTION long read_first(enum operation operation)
{
    return operation >= AND ? 1 : (long)sizeof(REAL);
}

FUNCTION long read_else(enum operation operation)
{
    return operation == AND || operation == OR ? 1 : (long)sizeof(REAL);
}

/* Part `number` of the work is a piece of a row of the last axis. */
static void part(void *given, long number)
{
    const struct work *work = given;
    const enum operation operation = (enum operation)work->numbers[2];
    const long *extents = work->numbers + 3, *strides = extents + AXES;
    const long pieces = most(1, (extents[AXES - 1] + BLOCK - 1) / BLOCK), first = number % pieces * BLOCK;
    long rest = number / pieces, at[4] = {0};
    for (int axis = AXES - 2; axis >= 0; axis--) {
        for (int k = 0; k < 4; k++)
            at[k] += rest % extents[axis] * strides[4 * axis + k];
        rest /= extents[axis];
    }
    const long *last = strides + 4 * (AXES - 1);
    for (int k = 0; k < 4; k++)
        at[k] += first * last[k];
    void *const *arrays = work->arrays;
    const char *a = arrays[1], *b = arrays[2] ? arrays[2] : a, *c = arrays[3];
    const struct row row = {
        (char *)arrays[0] + at[0] * written(operation), a + at[1] * read_first(operation),
        b + at[2] * read_else(operation), c ? c + at[3] * (long)sizeof(REAL) : NULL,
        least(BLOCK, extents[AXES - 1] - first), last[0], last[1], last[2], last[3]};
    compute(operation, &row);
}
