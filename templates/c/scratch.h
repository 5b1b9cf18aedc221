/* Memory that kernels and parts ask for: of each thread, kept for its next call. */
#ifndef GRADSCRIBE_SCRATCH_H
#define GRADSCRIBE_SCRATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "team.h"

enum { LINE = 64 };

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

#endif
