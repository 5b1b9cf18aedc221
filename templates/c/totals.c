/* Sums, maxima and minima over an axis, out[k, j] of all a[k, i, j]: for recorded calls.

   It stands behind loops.c, whose kernel counts the parts: `numbers` begin with how many there are, and 1. Then follow
   which of the three is wanted, 0, 1 or 2, the extents of k, i and j, and how many k a part has, or 0: then several
   parts have one k, each a range of i, and a second sweep combines them. `arrays` are out, a, and a double for each j
   of each part. Sums are taken in REAL over RUN summands, and in double over these. */
#include "team.h"

enum { RUN = 64 };

FUNCTION double combined(long wanted, double one, REAL other)
{
    return wanted == 0 ? one + other : wanted == 1 ? larger((REAL)one, other) : smaller((REAL)one, other);
}

FUNCTION double empty(long wanted)
{
    return wanted == 0 ? 0 : wanted == 1 ? -__builtin_inf() : __builtin_inf();
}

/* What a row of summands, next to each other, is together. */
static double along(long wanted, const REAL *a, long length)
{
    double value = empty(wanted);
    long i = 0;
    if (wanted == 0)
        while (i < whole(0, length)) {
            const long end = least(i + RUN * LANES, whole(0, length));
            reals sums = {0};
            for (; i < end; i += LANES)
                sums += load(a + i);
            value += sum_of(sums);
        }
    for (; i < length; i++)
        value = combined(wanted, value, a[i]);
    return value;
}

/* The same of each column of rows, added to `values`. Short rows are summed several at a time, as one. */
static void across(long wanted, const REAL *a, long rows, long columns, double *values)
{
    if (wanted == 0 && columns < LANES && rows >= 2 * LANES) {
        double longer[LANES * LANES] = {0};
        across(wanted, a, rows / LANES, LANES * columns, longer);
        for (long k = 0; k < LANES * columns; k++)
            values[k % columns] += longer[k];
        a += rows / LANES * LANES * columns;
        rows %= LANES;
    }
    for (long first = 0; first < rows; first += RUN) {
        const long end = least(first + RUN, rows);
        long j = 0;
        if (wanted == 0)
            for (; j < whole(0, columns); j += LANES) {
                reals sums = {0};
                for (long i = first; i < end; i++)
                    sums += load(a + i * columns + j);
                for (long k = 0; k < LANES; k++)
                    values[j + k] += sums[k];
            }
        for (; j < columns; j++)
            for (long i = first; i < end; i++)
                values[j] = combined(wanted, values[j], a[i * columns + j]);
    }
}

static void combine(long wanted, const REAL *a, long rows, long columns, double *values)
{
    for (long j = 0; j < columns; j++)
        values[j] = empty(wanted);
    if (columns == 1)
        *values = along(wanted, a, rows);
    else
        across(wanted, a, rows, columns, values);
}

static void part(void *given, long number)
{
    const struct work *work = given;
    const long *numbers = work->numbers, wanted = numbers[2];
    const long kept = numbers[3], rows = numbers[4], columns = numbers[5], several = numbers[6];
    const REAL *a = work->arrays[1];
    double *sums = work->arrays[2];
    REAL *out = work->arrays[0];
    if (several) {
        const long end = least((number + 1) * several, kept);
        for (long k = work->sweep ? end : number * several; k < end; k++) {
            combine(wanted, a + k * rows * columns, rows, columns, sums + number * columns);
            for (long j = 0; j < columns; j++)
                out[k * columns + j] = (REAL)sums[number * columns + j];
        }
        return;
    }
    const long parts = numbers[0] / kept, size = (rows + parts - 1) / parts;
    if (!work->sweep) {
        const long k = number / parts, first = least(number % parts * size, rows), end = least(first + size, rows);
        combine(wanted, a + (k * rows + first) * columns, end - first, columns, sums + number * columns);
        return;
    }
    for (long k = 0; k < kept; k++)
        for (long j = 0; j < columns; j++) {
            double value = empty(wanted);
            for (long p = 0; p < parts; p++) {
                const double more = sums[(k * parts + p) * columns + j];
                value = wanted ? combined(wanted, value, (REAL)more) : value + more;
            }
            out[k * columns + j] = (REAL)value;
        }
}
