/* Packs short strings into blocks of an arena. */
#include "textpool.h"

#include <string.h>

#define BLOCK 8192

hr_str hr_textpool_copy(hr_textpool *pool, hr_str s) {
    if (s.p == NULL)
        return s;
    if (pool->left < s.len + 1) {
        if (s.len >= BLOCK / 4)
            return hr_arena_copy(pool->arena, s);
        pool->p = hr_arena_alloc(pool->arena, BLOCK);
        pool->left = pool->p == NULL ? 0 : BLOCK;
        if (pool->p == NULL)
            return (hr_str){NULL, 0};
    }
    char *to = pool->p;
    memcpy(to, s.p, s.len);
    to[s.len] = '\0';
    pool->p += s.len + 1;
    pool->left -= s.len + 1;
    return (hr_str){to, s.len};
}
