/*
 * Rules and requests out of bytes: every string of bytes makes some. The words are few and alike,
 * so that requests often match rules.
 */
#ifndef HR_FUZZ_MAKER_H
#define HR_FUZZ_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include <headerroute/headerroute.h>

/* Bytes not used yet; none left: zeros. */
typedef struct maker {
    const uint8_t *p;
    size_t n;
} maker;

uint8_t maker_byte(maker *m);
/* Below n, which is at most 256. */
unsigned maker_below(maker *m, unsigned n);

/* YAML of a mesh with DestinationRules, a Gateway and VirtualServices for both; rules until the
 * bytes end. Free with free(). */
char *maker_rules(maker *m);

#define MAKER_HEADERS 6

typedef struct made_request {
    hr_request request;
    hr_pair headers[MAKER_HEADERS];
    char path[256], room[MAKER_HEADERS][2][64];
} made_request;
/* Strings live in *out. */
void maker_request(made_request *out, maker *m);

#endif
