/* The pool without Python: four threads use it at once, nested, with memory, released and forked meanwhile. */
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

static void *again_and_again(void *number)
{
    long first = *(long *)number;
    for (long k = 0; k < rounds; k++) {
        once(first + k, first + k % 5);
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
