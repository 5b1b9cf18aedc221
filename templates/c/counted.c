/* Sums of the rows that have a key: sums[key[n], j] += a[n, j], in double.

   It stands behind loops.c. Behind two numbers, `numbers` are how many rows there are, and how long they are; `arrays`
   are the sums, a and the keys. */
#include "team.h"

static void part(void *given, long number)
{
    const struct work *work = given;
    const long rows = work->numbers[2], width = work->numbers[3];
    REAL *sums = work->arrays[0];
    const TYPE_1 *a = work->arrays[1];
    const int64_t *keys = work->arrays[2];
    (void)number;

    if (width == 1) {
        for (long n = 0; n < rows; n++)
            sums[keys[n]] += a[n];
        return;
    }
    for (long n = 0; n < rows; n++) {
        REAL *sum = sums + keys[n] * width;
        const TYPE_1 *row = a + n * width;
        for (long j = 0; j < width; j++)
            sum[j] += row[j];
    }
}
