/* A pool of threads that kernels share, and memory of each thread.

   A job has numbered parts, which are handed out one by one. There is one job at a time: whoever finds the pool taken
   computes its own parts alone, so nothing ever waits for a turn, not a second thread of Python, and not a part that
   divides its work once more. Whoever has the pool takes parts as the workers do, and waits in the end for those parts
   only that a worker has taken; one that comes too late finds none left. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#ifdef __linux__
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "team.h"

typedef void (*part_function)(void *work, long part);

enum { LINE = 64, MOST_WORKERS = 255 };

/* How long a thread looks for what it waits for before it sleeps. Waking takes 25 to 50 us, and Python is back with the
   next kernel after about as long; a caller waits for the rest of a part, which somebody may need this core for. */
static const int64_t WORKER_SPINS = 100000, CALLER_SPINS = 20000;

/* ---- sleeping until a number changes ----------------------------------------------------------------------------- */

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#ifdef __linux__

/* Returns when woken, at once where the number is another one already, and sometimes for no reason. */
static void sleep_while(_Atomic uint32_t *number, uint32_t value)
{
    syscall(SYS_futex, number, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *number)
{
    syscall(SYS_futex, number, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void renew_sleep(void) {}

#else

static pthread_mutex_t asleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asleep_condition = PTHREAD_COND_INITIALIZER;

static void sleep_while(_Atomic uint32_t *number, uint32_t value)
{
    pthread_mutex_lock(&asleep_mutex);
    while (atomic_load(number) == value)
        pthread_cond_wait(&asleep_condition, &asleep_mutex);
    pthread_mutex_unlock(&asleep_mutex);
}

static void wake(_Atomic uint32_t *number)
{
    (void)number;
    pthread_mutex_lock(&asleep_mutex);
    pthread_cond_broadcast(&asleep_condition);
    pthread_mutex_unlock(&asleep_mutex);
}

/* A thread that exists in the parent only may have held the mutex. */
static void renew_sleep(void)
{
    asleep_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    asleep_condition = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

#endif

/* A number that somebody waits for, and whether the one who does is asleep. Both sides write one and then read the
   other in the order that all threads agree on, so that one of them sees it. */
struct watched {
    _Atomic uint32_t number;
    _Atomic uint32_t sleeps;
};

static void wake_sleeper(struct watched *watched)
{
    if (atomic_load(&watched->sleeps))
        wake(&watched->number);
}

/* The number once it is no longer `value`. */
static uint32_t wait_while(struct watched *watched, uint32_t value, int64_t spins)
{
    uint32_t now;
    int64_t end = 0;
    for (int round = 1; (now = atomic_load_explicit(&watched->number, memory_order_acquire)) == value; round++) {
        pause_briefly();
        if (round % 16)
            continue;
        if (!end)
            end = nanoseconds() + spins;
        else if (nanoseconds() > end)
            break;
    }
    if (now != value)
        return now;
    atomic_store(&watched->sleeps, 1);
    while ((now = atomic_load(&watched->number)) == value)
        sleep_while(&watched->number, value);
    atomic_store(&watched->sleeps, 0);
    return now;
}

/* ---- memory of a thread ------------------------------------------------------------------------------------------ */

/* Memory that the room was too small for. */
struct block {
    struct block *before;
    size_t size;
};

/* A kernel is a call; its team comes first, so that a pointer to it is one to the call. */
struct call {
    struct team team;
    _Atomic int failed;
};

/* What belongs to a thread. `room` is given out from its beginning; what does not fit is a block, and the room is made
   large enough for all of it when nothing of it is in use. */
struct own {
    struct call *call;
    char *room;
    size_t size, used, wanted;
    struct block *blocks;
};

struct mark {
    struct call *call;
    size_t used;
    struct block *blocks;
};

static pthread_key_t own_key;
static int has_key;

static struct own *own_of_thread(void)
{
    struct own *own = has_key ? pthread_getspecific(own_key) : NULL;
    if (!own && has_key && (own = calloc(1, sizeof *own)) && pthread_setspecific(own_key, own)) {
        free(own);
        own = NULL;
    }
    return own;
}

static void *aligned(size_t size)
{
    void *memory;
    return posix_memalign(&memory, LINE, size) ? NULL : memory;
}

static struct mark enter(struct own *own, struct call *call)
{
    struct mark mark = {own->call, own->used, own->blocks};
    own->call = call;
    return mark;
}

static void free_blocks(struct own *own, struct block *until)
{
    while (own->blocks != until) {
        struct block *last = own->blocks;
        own->blocks = last->before;
        own->used -= last->size;
        free(last);
    }
}

static void leave(struct own *own, struct mark mark)
{
    free_blocks(own, mark.blocks);
    own->used = mark.used;
    own->call = mark.call;
    if (own->used == 0 && own->wanted > own->size) {
        free(own->room);
        own->room = aligned(own->wanted);
        own->size = own->room ? own->wanted : 0;
    }
}

static void *overflow(struct own *own, size_t size)
{
    struct block *block = size < SIZE_MAX - LINE ? aligned(size + LINE) : NULL;
    if (!block)
        return NULL;
    block->before = own->blocks;
    block->size = size;
    own->blocks = block;
    return (char *)block + LINE;
}

static void *scratch(size_t bytes)
{
    struct own *own = pthread_getspecific(own_key);
    size_t size = bytes / LINE * LINE + LINE;
    void *given = NULL;
    if (bytes < SIZE_MAX - LINE && own->used < SIZE_MAX - size) {
        int fits = own->used + size <= own->size && !own->blocks;
        given = fits ? own->room + own->used : overflow(own, size);
    }
    if (!given) {
        atomic_store(&own->call->failed, 1);
        return NULL;
    }
    own->used += size;
    if (own->used > own->wanted)
        own->wanted = own->used;
    return given;
}

static void forget(void *thread_own)
{
    struct own *own = thread_own;
    free_blocks(own, NULL);
    free(own->room);
    free(own);
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

struct worker {
    _Alignas(LINE) struct watched bell;
    pthread_t thread;
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
        heard = wait_while(&worker->bell, heard, WORKER_SPINS);
        if (atomic_load(&pool.closing))
            break;
        work_as(thread, own);
    }
    return NULL;
}

static void ring(struct worker *worker)
{
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
        wait_while(&pool.unfinished, left, CALLER_SPINS);
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

/* ---- what Python calls ------------------------------------------------------------------------------------------- */

/* Calls a kernel. Returns 0, or 1 where there was not enough memory: then nothing was computed. */
int call(
    void (*function)(void *const *, const long *, struct team *), void *const *arrays, const long *numbers,
    long threads)
{
    struct call call = {{run, scratch, threads}, 0};
    struct own *own = own_of_thread();
    if (!own)
        return 1;
    struct mark mark = enter(own, &call);
    function(arrays, numbers, &call.team);
    leave(own, mark);
    return atomic_load(&call.failed);
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
