/* The pool without Python: four threads use it at once, nested, with memory, released and forked meanwhile; and groups of
   steps. */
#include "pool.c" /* first, for it says which features of the system it needs */

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARTS = 37, LENGTH = 50, THREADS = 4 };

struct job {
    const long *x;
    long *sums;
    struct team *team;
    int nested;
};

static long x[PARTS * LENGTH];
static long rounds = 1000, forks = 0;

static void inner(void *work, long number)
{
    long *sum = work;
    __atomic_fetch_add(sum, number, __ATOMIC_RELAXED);
}

static void part(void *work, long number)
{
    struct job *job = work;
    long size = LENGTH * (long)sizeof(long), sum = 0;
    long *row = job->team->scratch((size_t)(size * (1 + number % 3)));
    if (!row)
        abort();
    memcpy(row, job->x + number * LENGTH, (size_t)size);
    if (job->nested) {
        long ten = 0;
        job->team->run(job->team, inner, &ten, 5);
        if (ten != 10)
            abort();
    }
    for (int i = 0; i < LENGTH; i++)
        sum += row[i];
    job->sums[number] = sum;
}

/* Its own memory is there before, during and after the parts, which have theirs. */
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct job job = {arrays[0], arrays[1], team, (int)numbers[1]};
    long *own = team->scratch(1000);
    if (!own || (uintptr_t)own % 64)
        abort();
    for (int i = 0; i < 125; i++)
        own[i] = i;
    for (int again = 0; again < 2; again++)
        team->run(team, part, &job, numbers[0]);
    for (int i = 0; i < 125; i++)
        if (own[i] != i)
            abort();
}

static void once(long k, long threads)
{
    long sums[PARTS] = {0}, numbers[] = {k % PARTS + 1, k % 2};
    void *arrays[] = {x, sums};
    if (call(kernel, arrays, numbers, threads))
        abort();
    for (long p = 0; p < numbers[0]; p++)
        for (int i = 0; i < LENGTH; i++)
            sums[p] -= x[p * LENGTH + i];
    for (long p = 0; p < PARTS; p++)
        if (sums[p])
            abort();
}

/* Two rows of squares of x, in each part. */
static void squares(void *work, long number)
{
    struct job *job = work;
    long *to = job->sums + 2 * number * LENGTH;
    for (long i = 0; i < 2 * LENGTH; i++)
        to[i] = job->x[2 * number * LENGTH + i] * job->x[2 * number * LENGTH + i];
    if (job->team->made)
        job->team->made(job->team, to, sizeof(long) * 2 * LENGTH);
}

static void make(void *const *arrays, const long *numbers, struct team *team)
{
    struct job job = {arrays[0], arrays[1], team, 0};
    team->run(team, squares, &job, numbers[0]);
}

/* Rows of numbers, one more than they were, in place or elsewhere. */
static void add_one(void *const *arrays, const long *numbers, struct team *team)
{
    const long *from = arrays[1];
    long *to = arrays[0], *own = team->scratch(sizeof(long));
    if (!own)
        abort();
    for (long i = 0; i < numbers[0] * LENGTH; i++)
        to[i] = from[i] + 1;
}

/* Sums of two rows. */
static void add_rows(void *const *arrays, const long *numbers, struct team *team)
{
    const long *from = arrays[1];
    for (long r = 0; r < numbers[0]; r++) {
        ((long *)arrays[0])[r] = 0;
        for (long i = 0; i < 2 * LENGTH; i++)
            ((long *)arrays[0])[r] += from[2 * r * LENGTH + i];
    }
    (void)team;
}

/* Squares, one more where they are, and of that the sums of all pairs of rows. */
static void group_once(long threads)
{
    enum { PAIRS = PARTS / 2, ROW = LENGTH * sizeof(long) };
    long made[PARTS * LENGTH], sums[PAIRS] = {0};
    char *places[] = {(char *)x, (char *)made, (char *)sums};
    uintptr_t objects[3];
    struct { long head[HEAD / sizeof(long)]; char *data; } found[3];
    for (int k = 0; k < 3; k++) {
        found[k].data = places[k];
        objects[k] = (uintptr_t)&found[k];
    }
    const long packed[] = {
        3, 6,
        (long)make, threads, 2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, PAIRS,
        (long)add_one, threads, 2, 2, 2 * PAIRS, 1, 1, 1, 0, ROW, 1, 0, ROW, 2 * PAIRS, 9,
        (long)add_rows, threads, 2, 2, PAIRS, 2, 1, 2, 0, sizeof(long), 1, 0, 2 * ROW, PAIRS, 9,
    };
    if (call_steps(packed, 1, objects))
        abort();
    for (long r = 0; r < PAIRS; r++) {
        for (long i = 2 * r * LENGTH; i < 2 * (r + 1) * LENGTH; i++)
            sums[r] -= x[i] * x[i] + 1;
        if (sums[r])
            abort();
    }
}

static void *again_and_again(void *number)
{
    long first = *(long *)number;
    for (long k = 0; k < rounds; k++) {
        once(first + k, first + k % 5);
        group_once(first + k % 5);
        if (k % 97 == 0)
            release();
        if (k % 53 == 0)
            usleep(300);
    }
    return NULL;
}

static void fork_once(void)
{
    pid_t child = fork();
    int status = 0;
    if (!child) {
        for (long k = 0; k < 50; k++)
            once(k, 3);
        release();
        once(5, 3);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status)
        abort();
}

int main(int count, char **given)
{
    pthread_t threads[THREADS];
    long numbers[THREADS] = {0, 1, 2, 3};
    if (count == 3) {
        rounds = atol(given[1]);
        forks = atol(given[2]);
    }
    for (long i = 0; i < PARTS * LENGTH; i++)
        x[i] = i * i % 101;
    for (int n = 0; n < THREADS; n++)
        if (pthread_create(&threads[n], NULL, again_and_again, &numbers[n]))
            abort();
    for (long f = 0; f < forks; f++) {
        fork_once();
        usleep(500);
    }
    for (int n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    release();
    once(20, 4);
    release();
    puts("fine");
    return 0;
}
