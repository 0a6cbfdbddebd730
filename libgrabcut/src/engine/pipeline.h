/* The engine `fast`, with the value that tests change. */
#ifndef GRABCUT_ENGINE_PIPELINE_H
#define GRABCUT_ENGINE_PIPELINE_H

#include <grabcut/grabcut.h>

#include <stddef.h>

typedef struct gc_fast_engine {
    grabcut_engine super;
    size_t pixels_per_thread; /* an image gets a thread for this many pixels, if the caller allows
                                 it */
} gc_fast_engine;

/* grabcut_engine_fast(), but with a thread for `pixels` pixels. */
gc_fast_engine gc_fast_engine_of(size_t pixels);

#endif
