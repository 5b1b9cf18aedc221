/* A program that knows nothing of Python: an example by hand, and the gradients against finite differences. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "conv2d.h"
#include "max_pool2d.h"

static int failures = 0;

static void expect(const char *what, double wanted, double found, double most)
{
    if (!(fabs(wanted - found) <= most)) {
        printf("%s: expected %g, found %g\n", what, wanted, found);
        failures++;
    }
}

/* 3x3 numbers under a window of 2x2, as in a textbook. */
static void by_hand(void)
{
    struct conv2d_settings settings = conv2d_defaults();
    settings.N = 1;
    settings.H = settings.W = 3;
    settings.C = settings.K = 1;
    settings.R = settings.T = 2;
    const REAL x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[4] = {1, 0, 0, -1}, b[1] = {10};
    const double wanted[4] = {6, 6, 6, 6}; /* 1 - 5 + 10, 2 - 6 + 10, ... */
    REAL u[4];
    expect("H_out", 2, (double)conv2d_H_out(&settings), 0);
    expect("W_out", 2, (double)conv2d_W_out(&settings), 0);
    expect("forward", CONV2D_OK, conv2d_forward(&settings, x, w, b, u), 0);
    for (int k = 0; k < 4; k++) {
        expect("u", wanted[k], (double)u[k], 0);
    }
    settings.p_h = settings.p_w = 1; /* a row and a column of zeros in front */
    settings.s_h = settings.s_w = 2;
    expect("forward", CONV2D_OK, conv2d_forward(&settings, x, w, NULL, u), 0);
    const double padded[4] = {-1, -3, -7, 5 - 9};
    for (int k = 0; k < 4; k++) {
        expect("padded u", padded[k], (double)u[k], 0);
    }
    settings.R = 5;
    expect("no window", CONV2D_WINDOW, conv2d_forward(&settings, x, w, NULL, u), 0);
    expect("no window", 0, (double)conv2d_H_out(&settings), 0);
    settings.s_h = 0;
    expect("no stride", CONV2D_OPTION, conv2d_check(&settings), 0);
    expect("no stride", -1, (double)conv2d_H_out(&settings), 0);
}

/* The greatest of ties is the first; one of no numbers has no position. */
static void pools(void)
{
    struct max_pool2d_settings settings = max_pool2d_defaults();
    settings.N = settings.C = 1;
    settings.H = settings.W = 2;
    settings.R = settings.T = 2;
    settings.s_h = settings.s_w = 1;
    const REAL x[4] = {3, 7, 7, 1}, dy[1] = {2};
    REAL y[1], dx[4];
    int64_t argmax[1];
    expect("pool", MAX_POOL2D_OK, max_pool2d_forward(&settings, x, y, argmax), 0);
    expect("y", 7, (double)y[0], 0);
    expect("argmax", 1, (double)argmax[0], 0);
    expect("pool", MAX_POOL2D_OK, max_pool2d_grad_input(&settings, dy, argmax, dx), 0);
    for (int k = 0; k < 4; k++) {
        expect("dx", k == 1 ? 2 : 0, (double)dx[k], 0);
    }
}

static REAL *numbers(ptrdiff_t count)
{
    REAL *made = malloc((size_t)count * sizeof(REAL));
    if (made == NULL) {
        exit(2);
    }
    for (ptrdiff_t k = 0; k < count; k++) {
        made[k] = (REAL)(rand() / (double)RAND_MAX - 0.5);
    }
    return made;
}

static double loss(const struct conv2d_settings *settings, const REAL *x, const REAL *w, const REAL *b, const REAL *dy)
{
    const ptrdiff_t count = settings->N * conv2d_H_out(settings) * conv2d_W_out(settings) * settings->G * settings->K;
    REAL *u = numbers(count);
    double sum = 0;
    expect("forward", CONV2D_OK, conv2d_forward(settings, x, w, b, u), 0);
    for (ptrdiff_t k = 0; k < count; k++) {
        sum += (double)u[k] * (double)dy[k];
    }
    free(u);
    return sum;
}

/* Every element of a gradient against a central difference of sum(dy * u). */
static void differences(const char *what, const struct conv2d_settings *settings, REAL *const arrays[4], REAL *moved,
                        const REAL *gradient, ptrdiff_t count)
{
    const double step = 1e-4;
    for (ptrdiff_t k = 0; k < count; k++) {
        const REAL kept = moved[k];
        moved[k] = kept + (REAL)step;
        const double above = loss(settings, arrays[0], arrays[1], arrays[2], arrays[3]);
        moved[k] = kept - (REAL)step;
        const double below = loss(settings, arrays[0], arrays[1], arrays[2], arrays[3]);
        moved[k] = kept;
        expect(what, (above - below) / (2 * step), (double)gradient[k], 1e-7);
    }
}

static void gradients(void)
{
    struct conv2d_settings settings = conv2d_defaults();
    settings.N = 2, settings.H = 5, settings.W = 4;
    settings.G = 2, settings.C = 2, settings.K = 3;
    settings.R = 3, settings.T = 2;
    settings.s_h = 2, settings.p_h = 1, settings.p_h_end = 2, settings.p_w_end = 1, settings.d_w = 2;
    const ptrdiff_t of_x = 2 * 5 * 4 * 4, of_w = 3 * 2 * 2 * 6, of_b = 6;
    const ptrdiff_t of_u = 2 * conv2d_H_out(&settings) * conv2d_W_out(&settings) * 6;
    REAL *const arrays[4] = {numbers(of_x), numbers(of_w), numbers(of_b), numbers(of_u)};
    REAL *dx = numbers(of_x), *dw = numbers(of_w), *db = numbers(of_b);
    expect("dx", CONV2D_OK, conv2d_grad_input(&settings, arrays[3], arrays[1], dx), 0);
    expect("dw", CONV2D_OK, conv2d_grad_weight(&settings, arrays[3], arrays[0], dw), 0);
    expect("db", CONV2D_OK, conv2d_grad_bias(&settings, arrays[3], db), 0);
    differences("dx", &settings, arrays, arrays[0], dx, of_x);
    differences("dw", &settings, arrays, arrays[1], dw, of_w);
    differences("db", &settings, arrays, arrays[2], db, of_b);
    for (int k = 0; k < 4; k++) {
        free(arrays[k]);
    }
    free(dx), free(dw), free(db);
}

int main(void)
{
    by_hand();
    pools();
    gradients();
    return failures == 0 ? 0 : 1;
}
