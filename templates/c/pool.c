/* A pool of threads that kernels share.

   A job has numbered parts, which are handed out one by one. There is one job at a time: whoever finds the pool taken
   computes its own parts alone, so nothing ever waits for a turn, not a second thread of Python, and not a part that
   divides its work once more. Whoever has the pool takes parts as the workers do, and waits in the end for those parts
   only that a worker has taken; one that comes too late finds none left. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* which processor a thread is on, and which it may be on */
#endif
#include <pthread.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "scratch.h"
#include "steps.h"
#include "team.h"
#include "waiting.h"

/* Bytes of an object of Python before those of its kind; an array's begin with where its elements lie. */
#ifndef HEAD
#define HEAD 16
#endif

_Static_assert(sizeof(long) == sizeof(void *), "numbers follow addresses without a gap");

typedef void (*part_function)(void *work, long part);

enum { MOST_WORKERS = 255 };

/* Nanoseconds that a thread looks for what it waits for before it sleeps. Waking takes 25 to 50 us, and Python is back
   with the next kernel after about as long. A caller waits for the rest of a part, which may need this very core. */
static const int64_t WORKER_LOOKS = 100000, CALLER_LOOKS = 20000;

struct worker {
    _Alignas(LINE) struct watched bell;
    pthread_t thread;
#ifdef __linux__
    cpu_set_t allowed;
    int apart; /* the processor that it is kept from */
#endif
};

/* `open` is the number of the job, 32 bits, and of its parts that nobody has taken. A part is taken by replacing the
   whole of it. Whoever has taken one knows thereby that what it read of the job before belongs to it: the next job is
   not written until all parts of this one have returned. Others may have read anything, and throw it away. */
static struct {
    _Alignas(LINE) _Atomic uint64_t open;
    _Alignas(LINE) struct watched unfinished;
    _Alignas(LINE) _Atomic(part_function) part;
    _Atomic(void *) work;
    _Atomic(struct call *) call;
    _Atomic uint32_t parts;
    _Atomic uint32_t helpers;
    _Alignas(LINE) _Atomic int taken;
    _Atomic int closing;
    uint32_t job;
    uint32_t started;
} pool;

static struct worker workers[MOST_WORKERS];

struct taken {
    part_function part;
    void *work;
    struct call *call;
    long number;
};

/* Whether there was a part for this thread: the caller's number is 0, the workers count from 1. */
static int take(uint32_t thread, struct taken *taken)
{
    uint64_t open = atomic_load_explicit(&pool.open, memory_order_acquire);
    while ((uint32_t)open) {
        taken->part = atomic_load_explicit(&pool.part, memory_order_relaxed);
        taken->work = atomic_load_explicit(&pool.work, memory_order_relaxed);
        taken->call = atomic_load_explicit(&pool.call, memory_order_relaxed);
        taken->number = (long)(atomic_load_explicit(&pool.parts, memory_order_relaxed) - (uint32_t)open);
        if (thread > atomic_load_explicit(&pool.helpers, memory_order_relaxed))
            return 0;
        if (atomic_compare_exchange_weak_explicit(
                &pool.open, &open, open - 1, memory_order_acq_rel, memory_order_acquire))
            return 1;
    }
    return 0;
}

static void work_as(uint32_t thread, struct own *own)
{
    struct taken taken;
    uint32_t done = 0;
    for (; take(thread, &taken); done++) {
        struct mark mark = enter(own, taken.call);
        taken.part(taken.work, taken.number);
        leave(own, mark);
    }
    if (done && atomic_fetch_sub(&pool.unfinished.number, done) == done)
        wake_sleeper(&pool.unfinished);
}

static void *serve(void *argument)
{
    struct worker *worker = argument;
    struct own *own = own_of_thread();
    uint32_t thread = (uint32_t)(worker - workers) + 1, heard = 0;
    while (own) {
        heard = wait_while(&worker->bell, heard, WORKER_LOOKS);
        if (atomic_load(&pool.closing))
            break;
        work_as(thread, own);
    }
    return NULL;
}

/* Keeps a worker from the caller's processor, if there are others: Linux likes to wake a thread where it was, or where
   it is woken, and it would wait there for the caller's part to end while another processor is idle. What the caller
   may use is asked when the worker sleeps anyway, and once the caller has moved: it was woken beside the worker. */
static void keep_apart(struct worker *worker)
{
#ifdef __linux__
    cpu_set_t allowed;
    const int here = sched_getcpu();
    if (here == worker->apart && !atomic_load(&worker->bell.sleeps))
        return;
    worker->apart = here;
    if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed))
        return;
    CPU_CLR((size_t)here, &allowed);
    if (CPU_COUNT(&allowed) && !CPU_EQUAL(&allowed, &worker->allowed)
        && !pthread_setaffinity_np(worker->thread, sizeof allowed, &allowed))
        worker->allowed = allowed;
#else
    (void)worker;
#endif
}

static void ring(struct worker *worker)
{
    keep_apart(worker);
    atomic_fetch_add(&worker->bell.number, 1);
    wake_sleeper(&worker->bell);
}

/* How many workers there are, at most `wanted`; those that are missing are started. Signals are Python's. */
static uint32_t start(uint32_t wanted)
{
    if (pool.started >= wanted)
        return wanted;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; pool.started < wanted; pool.started++) {
        struct worker *worker = &workers[pool.started];
        atomic_store(&worker->bell.number, 0);
        atomic_store(&worker->bell.sleeps, 0);
#ifdef __linux__
        CPU_ZERO(&worker->allowed);
        worker->apart = -1;
#endif
        if (pthread_create(&worker->thread, NULL, serve, worker))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool.started;
}

static void run_alone(struct call *call, part_function part, void *work, long parts)
{
    struct own *own = pthread_getspecific(own_key);
    for (long k = 0; k < parts; k++) {
        struct mark mark = enter(own, call);
        part(work, k);
        leave(own, mark);
    }
}

static void run_together(struct call *call, part_function part, void *work, uint32_t parts, uint32_t helpers)
{
    atomic_store_explicit(&pool.part, part, memory_order_relaxed);
    atomic_store_explicit(&pool.work, work, memory_order_relaxed);
    atomic_store_explicit(&pool.call, call, memory_order_relaxed);
    atomic_store_explicit(&pool.parts, parts, memory_order_relaxed);
    atomic_store_explicit(&pool.helpers, helpers, memory_order_relaxed);
    atomic_store_explicit(&pool.unfinished.number, parts, memory_order_relaxed);
    atomic_store_explicit(&pool.open, (uint64_t)++pool.job << 32 | parts, memory_order_release);
    for (uint32_t k = 0; k < helpers; k++)
        ring(&workers[k]);
    work_as(0, pthread_getspecific(own_key));
    for (uint32_t left; (left = atomic_load_explicit(&pool.unfinished.number, memory_order_acquire));)
        wait_while(&pool.unfinished, left, CALLER_LOOKS);
}

static int take_pool(void)
{
    return !atomic_exchange_explicit(&pool.taken, 1, memory_order_acquire);
}

static void give_pool(void)
{
    atomic_store_explicit(&pool.taken, 0, memory_order_release);
}

static void run(struct team *team, part_function part, void *work, long parts)
{
    struct call *call = (struct call *)team;
    long most = team->threads < parts ? team->threads : parts;
    uint32_t helpers = most < 2 ? 0 : most > MOST_WORKERS ? MOST_WORKERS : (uint32_t)most - 1;
    if (!helpers || parts > INT32_MAX || !take_pool()) {
        run_alone(call, part, work, parts);
        return;
    }
    helpers = start(helpers);
    run_together(call, part, work, (uint32_t)parts, helpers);
    give_pool();
}

/* Calls a kernel. Returns 0, or 1 where there was not enough memory: then nothing was computed. */
int call(
    void (*function)(void *const *, const long *, struct team *), void *const *arrays, const long *numbers,
    long threads)
{
    struct call call = {{run, scratch, NULL, threads}, 0};
    struct own *own = own_of_thread();
    if (!own)
        return 1;
    struct mark mark = enter(own, &call);
    function(arrays, numbers, &call.team);
    leave(own, mark);
    return atomic_load(&call.failed);
}

/* The same, of Python's objects: `given` are those of `count` arrays, 0 for none, and behind them the numbers. */
int call_with(
    void (*function)(void *const *, const long *, struct team *), const uintptr_t *given, long count, long threads)
{
    void *arrays[count + 1];
    for (long k = 0; k < count; k++)
        arrays[k] = given[k] ? *(char **)(given[k] + HEAD) : NULL;
    return call(function, arrays, (const long *)(given + count), threads);
}

/* A call that was recorded: groups of steps, before each how many there are and how many arrays they have together, see
   steps.h. Returns as the others do. */
int call_steps(const long *packed, long groups, const uintptr_t *objects)
{
    struct own *own = own_of_thread();
    for (long g = 0; own && g < groups; g++) {
        struct group group;
        void *arrays[packed[1] + 1], **next = arrays;
        group.count = packed[0];
        packed += 2;
        for (long k = 0; k < group.count; k++) {
            packed = placed_member(&group.members[k], packed, objects, HEAD, next);
            next += group.members[k].step->arrays;
        }
        const struct member *first = &group.members[0];
        group.call = (struct call){{run, scratch, group.count > 1 ? made : NULL, first->step->threads}, 0};
        const struct mark mark = enter(own, &group.call);
        ((kernel_function)first->step->function)(first->arrays, first->numbers, &group.call.team);
        leave(own, mark);
        if (atomic_load(&group.call.failed))
            return 1;
    }
    return !own;
}

/* Ends the workers and gives back their memory and that of the calling thread; the next kernel starts them anew. */
void release(void)
{
    struct own *own = has_key ? pthread_getspecific(own_key) : NULL;
    while (!take_pool())
        nanosleep(&(struct timespec){0, 100000}, NULL);
    atomic_store(&pool.closing, 1);
    for (uint32_t k = 0; k < pool.started; k++)
        ring(&workers[k]);
    for (uint32_t k = 0; k < pool.started; k++)
        pthread_join(workers[k].thread, NULL);
    pool.started = 0;
    atomic_store(&pool.closing, 0);
    give_pool();
    if (own && !own->call) {
        pthread_setspecific(own_key, NULL);
        forget(own);
    }
}

/* The child of a fork has the calling thread alone, which is in no job: others may have been. */
static void begin_as_child(void)
{
    renew_sleep();
    atomic_store(&pool.open, 0);
    atomic_store(&pool.unfinished.number, 0);
    atomic_store(&pool.unfinished.sleeps, 0);
    atomic_store(&pool.closing, 0);
    pool.started = 0;
    give_pool();
}

__attribute__((constructor)) static void begin(void)
{
    has_key = !pthread_key_create(&own_key, forget);
    pthread_atfork(NULL, NULL, begin_as_child);
}
