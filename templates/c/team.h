/* What a kernel is given: its arrays, its numbers, and the threads that it may divide its work among. */
#ifndef GRADSCRIBE_TEAM_H
#define GRADSCRIBE_TEAM_H

#include <stddef.h>

/* `threads` is how many may compute at once, the calling one among them.

   `run` calls part(work, k) once for each k in 0..parts, in any order and at most `threads` at a time, and returns when
   all have returned. It may be called again and again, and within a part: there it calls one after the other.

   `scratch` gives memory of the thread that asks, on a border of 64 bytes and of any content. It is the kernel's or the
   part's that asked for it, until that returns; what was given before stays where it is. NULL where there is no memory:
   whoever gets it returns at once, and the caller is told that nothing was computed.

   `made`, if it is not NULL, is told of each piece of a result once it is there: others go on with it. */
struct team {
    void (*run)(struct team *team, void (*part)(void *work, long part), void *work, long parts);
    void *(*scratch)(size_t bytes);
    void (*made)(struct team *team, const void *from, size_t bytes);
    long threads;
};

/* What every kernel is called and given. */
void kernel(void *const *arrays, const long *numbers, struct team *team);

#endif
