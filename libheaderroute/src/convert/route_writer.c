/* What the parts of a rule share that is written as a rule of an HTTPRoute. */
#include "route_writer.h"

#include <stdarg.h>
#include <stdio.h>

void hr_route_lost(hr_route_writer *w, hr_pos pos, const char *part, const char *format, ...) {
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    hr_str field = hr_arena_printf(w->s->arena, "spec.http[%d].%s", (int)w->entry->index, part);
    if (field.p != NULL)
        hr_conversion_lost(w->s, pos, field.p, sentence);
}
