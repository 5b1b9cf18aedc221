/* The box that a block reads of the first factor. */
#ifndef GRADSCRIBE_BOX_H
#define GRADSCRIBE_BOX_H

#include <string.h>

/* Copy the box that begins at these positions, with zeros outside of a. */
static void fill(const REAL *a, const long *start, int axis, REAL *to)
{
    long size = 1;
    for (int x = axis + 1; x < XS; x++)
        size *= x_extent[x];
    const long extent = x_extent[axis], low = start[axis] < 0 ? -start[axis] : 0;
    const long left = x_size[axis] - start[axis], high = left < extent ? left : extent;
    if (low >= high) {
        memset(to, 0, extent * size * sizeof(REAL));
        return;
    }
    memset(to, 0, low * size * sizeof(REAL));
    if (axis == XS - 1) {
        const REAL *from = a + (start[axis] + low) * x_step[axis];
        if (x_step[axis] == 1)
            memcpy(to + low, from, (high - low) * sizeof(REAL));
        else
            for (long k = low; k < high; k++)
                to[k] = from[(k - low) * x_step[axis]];
    } else if (XS > 1 && axis == XS - 2 && x_step[XS - 1] == 1 && start[XS - 1] >= 0
               && start[XS - 1] + x_extent[XS - 1] <= x_size[XS - 1]) { /* many short runs of a known size */
        const REAL *from = a + (start[axis] + low) * x_step[axis] + start[XS - 1];
        for (long k = low; k < high; k++, from += x_step[axis])
            memcpy(to + k * x_extent[XS - 1], from, x_extent[XS - 1] * sizeof(REAL));
    } else
        for (long k = low; k < high; k++)
            fill(a + (start[axis] + k) * x_step[axis], start, axis + 1, to + k * size);
    memset(to + high * size, 0, (extent - high) * size * sizeof(REAL));
}

#endif
