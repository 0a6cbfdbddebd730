/* Runs libyaml over a text for its events alone, the lower bound of what a load costs. */
#include "events.h"

#include <yaml.h>

int bench_yaml_events(const char *text, size_t len) {
    yaml_parser_t parser;
    yaml_event_t event;
    int ok = yaml_parser_initialize(&parser), end = 0;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (ok && !end) {
        ok = yaml_parser_parse(&parser, &event);
        if (!ok)
            break;
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}
