/* Recorded calls: groups of steps, one group after the other.

   The first step of a group makes an array piece by piece, and says so. Others go on with it row by row: each piece has
   whole rows of theirs, and whoever has made it computes these at once, while it is in a cache. A step is called for
   some rows like for all of them, with arrays that begin where these rows do; its first two numbers are how many rows
   there are, and how many of them a part has. */
#ifndef GRADSCRIBE_STEPS_H
#define GRADSCRIBE_STEPS_H

#include <stdint.h>
#include <string.h>

#include "scratch.h"
#include "team.h"

typedef void (*kernel_function)(void *const *arrays, const long *numbers, struct team *team);

/* A step as it is packed: this, then of each array its place among `objects` (-1 for NULL), by how many bytes behind
   its beginning it is given, and how many bytes a row has of it (0: all rows have all of it); then the numbers. */
struct step {
    long function, threads, arrays, numbers;
    long rows;  /* how many it has, if it goes on with others */
    long after; /* those before it in the group, by bits, that make what it reads */
    long read;  /* which of its arrays that is */
};
enum { HEADER = sizeof(struct step) / sizeof(long), PLACE = 3, MOST_STEPS = 16 };

struct member {
    const struct step *step;
    const long *places, *numbers;
    void **arrays;
};

struct group {
    struct call call; /* of the first one, so that a pointer to its team is one to the group */
    struct member members[MOST_STEPS];
    long count;
};

static long row_of(const struct member *member, long array)
{
    return member->places[PLACE * array + 2];
}

static void go_on(struct group *group, long number, const char *from, size_t bytes);

/* Compute rows of a member in this thread, and what follows them. */
static void compute_rows(struct group *group, long number, long first, long end)
{
    const struct member *member = &group->members[number];
    const struct step *step = member->step;
    struct own *own = pthread_getspecific(own_key);
    struct call call = {{group->call.team.run, scratch, NULL, 1}, 0};
    void *arrays[step->arrays + 1];
    long numbers[step->numbers + 2];
    for (long k = 0; k < step->arrays; k++)
        arrays[k] = member->arrays[k] ? (char *)member->arrays[k] + first * row_of(member, k) : NULL;
    memcpy(numbers, member->numbers, (size_t)step->numbers * sizeof(long));
    numbers[0] = numbers[1] = end - first;
    const struct mark mark = enter(own, &call);
    ((kernel_function)step->function)(arrays, numbers, &call.team);
    leave(own, mark);
    if (atomic_load(&call.failed))
        atomic_store(&group->call.failed, 1);
    for (long k = 0; k < step->arrays; k++)
        if (row_of(member, k))
            go_on(group, number, arrays[k], (size_t)((end - first) * row_of(member, k)));
}

/* A member has made these bytes: those that read them go on. */
static void go_on(struct group *group, long number, const char *from, size_t bytes)
{
    for (long k = number + 1; k < group->count; k++) {
        const struct member *member = &group->members[k];
        const ptrdiff_t row = row_of(member, member->step->read), all = row * member->step->rows;
        const ptrdiff_t start = from - (const char *)member->arrays[member->step->read];
        const ptrdiff_t end = start + (ptrdiff_t)bytes, low = start < 0 ? 0 : start, high = end > all ? all : end;
        if (member->step->after >> number & 1 && low < high)
            compute_rows(group, k, low / row, high / row);
    }
}

/* What the first one calls. */
static void made(struct team *team, const void *from, size_t bytes)
{
    go_on((struct group *)team, 0, from, bytes);
}

/* Where the arrays of a step lie; returns what is packed behind it. */
static const long *placed_member(struct member *member, const long *packed, const uintptr_t *objects, size_t head,
                                 void **arrays)
{
    const struct step *step = (const struct step *)packed;
    *member = (struct member){step, packed + HEADER, packed + HEADER + PLACE * step->arrays, arrays};
    for (long k = 0; k < step->arrays; k++) {
        const long *place = member->places + PLACE * k;
        arrays[k] = place[0] < 0 ? NULL : *(char **)(objects[place[0]] + head) + place[1];
    }
    return member->numbers + step->numbers;
}

#endif
