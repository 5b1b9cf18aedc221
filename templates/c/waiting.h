/* Waiting until another thread changes a number: looking for a while, then asleep. */
#ifndef GRADSCRIBE_WAITING_H
#define GRADSCRIBE_WAITING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#ifdef __linux__
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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
static uint32_t wait_while(struct watched *watched, uint32_t value, int64_t looks)
{
    uint32_t now;
    int64_t end = 0;
    for (int round = 1; (now = atomic_load_explicit(&watched->number, memory_order_acquire)) == value; round++) {
        pause_briefly();
        if (round % 16)
            continue;
        if (!end)
            end = nanoseconds() + looks;
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

#endif
