/* What NumPy does with the elements of arrays of any strides: for recorded calls.

   It stands behind loops.c, whose kernel counts the parts: `numbers` begin with how many there are, and 1. Then follow
   what is computed, one of the words below, the extents of the axes, and for each axis four strides, in elements, that
   of the target first. The innermost axis is the last one. `arrays` are the target and up to three that are read. */
#include "team.h"

enum { AXES = 6, BLOCK = 1 << 13 };

enum operation {
    COPY, ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM, NEGATIVE, ABSOLUTE, SQUARE, SQRT, RECIPROCAL,
    EXP, LOG, TANH, EXPM1, LOG1P, SIN, COS, ARCTAN, SINH, COSH,
    TAN, ARCSIN, ARCCOS, ARCSINH, ARCCOSH, ARCTANH,
    GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, EQUAL, NOT_EQUAL, AND, OR, NOT, WHERE
};

/* Rows of the last axis, side by side along the axis before it, and by how much each array steps along both. */
struct rows {
    char *to;
    const char *a, *b, *c;
    long count, length;
    const long *jumps, *steps;
};

/* An element that is read: a row steps by 1 or 0 where vectors are. */
FUNCTION reals next(const REAL *from, long step, long k)
{
    return step ? load(from + k) : all(*from);
}

/* Every row as arrays of these types, the statements that follow. */
#define EACH_ROW(written, first, other)                                                                                \
    const long step = rows->steps[0], step_a = rows->steps[1], step_b = rows->steps[2], length = rows->length;         \
    written *to = (written *)rows->to;                                                                                 \
    const first *from_a = (const first *)rows->a;                                                                      \
    const other *from_b = (const other *)rows->b;                                                                      \
    for (long n = 0; n < rows->count;                                                                                  \
         n++, to += rows->jumps[0], from_a += rows->jumps[1], from_b += rows->jumps[2])

#define ROW(vectors, single)                                                                                           \
    do {                                                                                                               \
        const int packed = rows->steps[0] == 1 && (rows->steps[1] | 1) == 1 && (rows->steps[2] | 1) == 1;              \
        EACH_ROW(REAL, REAL, REAL) {                                                                                   \
            long k = 0;                                                                                                \
            for (; packed && k < whole(0, length); k += LANES) {                                                       \
                const reals a = next(from_a, step_a, k), b = next(from_b, step_b, k);                                  \
                (void)b;                                                                                               \
                store(to + k, vectors);                                                                                \
            }                                                                                                          \
            for (; k < length; k++) {                                                                                  \
                const REAL a = from_a[k * step_a], b = from_b[k * step_b];                                             \
                (void)b;                                                                                               \
                to[k * step] = single;                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

#define SINGLY(first, other, test)                                                                                     \
    do {                                                                                                               \
        EACH_ROW(uint8_t, first, other)                                                                                \
            for (long k = 0; k < length; k++) {                                                                        \
                const first a = from_a[k * step_a];                                                                    \
                const other b = from_b[k * step_b];                                                                    \
                (void)b;                                                                                               \
                to[k * step] = test;                                                                                   \
            }                                                                                                          \
    } while (0)

#define COMPARED(test) SINGLY(REAL, REAL, test)
#define BRACKETS(test) SINGLY(uint8_t, uint8_t, test)

static void chosen(const struct rows *rows)
{
    const REAL *from_c = (const REAL *)rows->c;
    EACH_ROW(REAL, uint8_t, REAL) {
        for (long k = 0; k < length; k++)
            to[k * step] = from_a[k * step_a] ? from_b[k * step_b] : from_c[k * rows->steps[3]];
        from_c += rows->jumps[3];
    }
}

static void compute(enum operation operation, const struct rows *rows)
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
    case TAN: ROW(all_tan_of(a), tan_of(a)); break;
    case ARCSIN: ROW(all_asin_of(a), asin_of(a)); break;
    case ARCCOS: ROW(all_acos_of(a), acos_of(a)); break;
    case ARCSINH: ROW(all_asinh_of(a), asinh_of(a)); break;
    case ARCCOSH: ROW(all_acosh_of(a), acosh_of(a)); break;
    case ARCTANH: ROW(all_atanh_of(a), atanh_of(a)); break;
    case GREATER: COMPARED(a > b); break;
    case GREATER_EQUAL: COMPARED(a >= b); break;
    case LESS: COMPARED(a < b); break;
    case LESS_EQUAL: COMPARED(a <= b); break;
    case EQUAL: COMPARED(a == b); break;
    case NOT_EQUAL: COMPARED(a != b); break;
    case AND: BRACKETS(a & b); break;
    case OR: BRACKETS(a | b); break;
    case NOT: BRACKETS(!a); break;
    case WHERE: chosen(rows); break;
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

/* Part `number` of the work is a piece of a row of the last axis or, where rows are short, several of them. */
static void part(void *given, long number)
{
    const struct work *work = given;
    const enum operation operation = (enum operation)work->numbers[2];
    const long *extents = work->numbers + 3, *strides = extents + AXES;
    const long *steps = strides + 4 * (AXES - 1), *jumps = steps - 4;
    const long across = extents[AXES - 1], along = extents[AXES - 2], several = most(1, BLOCK / most(1, across));
    const long pieces = (across + BLOCK - 1) / BLOCK, groups = (along + several - 1) / several;
    const long column = number % pieces * BLOCK, row = number / pieces % groups * several;
    long rest = number / pieces / groups, at[4];
    for (int k = 0; k < 4; k++)
        at[k] = column * steps[k] + row * jumps[k];
    for (int axis = AXES - 3; axis >= 0; axis--) {
        for (int k = 0; k < 4; k++)
            at[k] += rest % extents[axis] * strides[4 * axis + k];
        rest /= extents[axis];
    }
    void *const *arrays = work->arrays;
    const char *a = arrays[1], *b = arrays[2] ? arrays[2] : a, *c = arrays[3];
    const struct rows rows = {
        (char *)arrays[0] + at[0] * written(operation), a + at[1] * read_first(operation),
        b + at[2] * read_else(operation), c ? c + at[3] * (long)sizeof(REAL) : NULL,
        least(several, along - row), least(BLOCK, across - column), jumps, steps};
    compute(operation, &rows);
}
