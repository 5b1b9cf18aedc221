/* Sums over parts of an axis, out[o, i, j] of a[o, k, j] over the k of part i, all of them at once.

   It stands behind loops.c. Behind how many o there are, and how many a part of the work has, `numbers` are how many
   k, i and j there are, the kind, and two ends. `arrays` are out, a and, for kinds 3 and 4, where parts begin and end.

       kind 0   k <= i + last             from the first one on, one sum that grows
       kind 1   i + first <= k            to the last one, likewise from behind
       kind 2   i + first <= k <= i + last  the end of one block of as many, and the beginning of the next one
       kind 3   begin[i] <= k < end[i]
       kind 4   the adjoint of that: out[o, k, j] of a[o, i, j] over the parts i that have k

   Sums are taken in double. */
#include "team.h"

enum { WIDTH = 64, ROWS = 8 };

/* Kinds 0 and 1 where j is one: several rows at a time, as each sum waits for the one before it. */
static void rows_grow(REAL *out, const REAL *a, long rows, long length, long places, long kind, long first, long last)
{
    double sums[ROWS] = {0};
    long k = kind == 0 ? 0 : length - 1;
    for (long n = 0; n < places; n++) {
        const long i = kind == 0 ? n : places - 1 - n;
        if (kind == 0)
            for (; k < length && k <= i + last; k++)
                for (long r = 0; r < rows; r++)
                    sums[r] += a[r * length + k];
        else
            for (; k >= 0 && k >= i + first; k--)
                for (long r = 0; r < rows; r++)
                    sums[r] += a[r * length + k];
        for (long r = 0; r < rows; r++)
            out[r * places + i] = (REAL)sums[r];
    }
}

/* One row: as many of its columns as there is memory for. */
static void columns(
    REAL *out, const REAL *a, long length, long places, long inner, long width, long kind, long first, long last,
    const int64_t *begin, const int64_t *end)
{
    double sums[WIDTH] = {0};
#define EACH for (long j = 0; j < width; j++)
    if (kind == 0 || kind == 1) {
        long k = kind == 0 ? 0 : length - 1;
        for (long n = 0; n < places; n++) {
            const long i = kind == 0 ? n : places - 1 - n;
            if (kind == 0)
                for (; k < length && k <= i + last; k++)
                    EACH sums[j] += a[k * inner + j];
            else
                for (; k >= 0 && k >= i + first; k--)
                    EACH sums[j] += a[k * inner + j];
            EACH out[i * inner + j] = (REAL)sums[j];
        }
    } else if (kind == 2) {
        const long size = last - first + 1;
        for (long m = floor_quotient(first + size - 1, size) * size; m - size + 1 <= places - 1 + first; m += size) {
            EACH sums[j] = 0;
            for (long k = m; k > m - size; k--) {
                const long i = k - first;
                if (k < m && 0 <= k && k < length)
                    EACH sums[j] += a[k * inner + j];
                if (0 <= i && i < places)
                    EACH out[i * inner + j] = (REAL)sums[j];
            }
            EACH sums[j] = 0;
            for (long k = m; k < m + size; k++) {
                const long i = k - last;
                if (0 <= k && k < length)
                    EACH sums[j] += a[k * inner + j];
                if (0 <= i && i < places)
                    EACH out[i * inner + j] += (REAL)sums[j];
            }
        }
    } else if (kind == 3) {
        for (long i = 0; i < places; i++) {
            const long behind = least(end[i], length);
            EACH sums[j] = 0;
            for (long k = most(begin[i], 0); k < behind; k++)
                EACH sums[j] += a[k * inner + j];
            EACH out[i * inner + j] = (REAL)sums[j];
        }
    } else {
        for (long k = 0; k < places; k++)
            EACH out[k * inner + j] = 0;
        for (long i = 0; i < length; i++) {
            const long behind = least(end[i], places);
            for (long k = most(begin[i], 0); k < behind; k++)
                EACH out[k * inner + j] += a[i * inner + j];
        }
    }
#undef EACH
}

static void part(void *given, long number)
{
    const struct work *work = given;
    const long *numbers = work->numbers, length = numbers[2], places = numbers[3], inner = numbers[4];
    const long kind = numbers[5], first = numbers[6], last = numbers[7];
    const int64_t *starts = kind > 2 ? work->arrays[2] : NULL, *ends = kind > 2 ? work->arrays[3] : NULL;
    const long stop = begin(work, number + 1);
    for (long o = begin(work, number); o < stop;) {
        REAL *out = (REAL *)work->arrays[0] + o * places * inner;
        const REAL *a = (const REAL *)work->arrays[1] + o * length * inner;
        if (inner == 1 && kind < 2) {
            const long rows = least(ROWS, stop - o);
            if (rows == ROWS)
                rows_grow(out, a, ROWS, length, places, kind, first, last);
            else
                rows_grow(out, a, rows, length, places, kind, first, last);
            o += rows;
            continue;
        }
        for (long j = 0; j < inner; j += WIDTH)
            columns(
                out + j, a + j, length, places, inner, least(WIDTH, inner - j), kind, first, last, starts, ends);
        o++;
    }
}
