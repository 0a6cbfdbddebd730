/* Base64 as RFC 4648 has it, and nothing else. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"

Test(base64, rfc_4648_vectors_both_ways) {
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xff\xfb\xf0", "//vw"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        char text[16];
        size_t len = strlen(rows[i][1]), where;
        sv_base64_encode(text, rows[i][0], strlen(rows[i][0]));
        cr_expect(eq(str, text, (char *)rows[i][1]));
        cr_assert(sv_base64_decode(text, &len, &where), "%s", rows[i][1]);
        cr_expect(eq(sz, len, strlen(rows[i][0])));
        cr_expect(memcmp(text, rows[i][0], len) == 0);
    }
}

Test(base64, everything_else_is_refused) {
    static const char *const rows[] = {
        "Z",       "Zg",       "Zg=",   "Zm8",      "Zm9vY",        "====",    "=",
        "Z===",    "Zg==Zg==", "Zg=v",  "Z=9v",     "=m9v",         " Zm9v",   "Zm9v ",
        "Zm9v\n",  "\nZm9v",   "Zm9\n", "Zm 9",     "Zm9v    ",     "-_-_",    "Zm9%",
        "Zm9\xc3", "-m9v",     "Zm9-",  "Zm9v----", "Zm9v\t\t\t\t", "    Zm9v"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        char text[32];
        size_t len = strlen(rows[i]), where = 99;
        strcpy(text, rows[i]);
        cr_expect(not(sv_base64_decode(text, &len, &where)), "'%s'", rows[i]);
        cr_expect(le(sz, where, strlen(rows[i])));
    }
}

/* Longer than what is handed to OpenSSL at a time; each length modulo 3. */
Test(base64, long_data_in_place_both_ways) {
    for (size_t n = ((size_t)9 << 20) - 2; n < ((size_t)9 << 20) + 2; ++n) {
        unsigned char *data = malloc(n);
        char *text = malloc(sv_base64_length(n) + 1);
        size_t len = sv_base64_length(n), where;
        for (size_t i = 0; i < n; ++i)
            data[i] = (unsigned char)(i * 2654435761u >> 13);
        sv_base64_encode(text, data, n);
        cr_assert(eq(sz, strlen(text), len));
        cr_assert(sv_base64_decode(text, &len, &where));
        cr_assert(eq(sz, len, n));
        cr_expect(memcmp(text, data, n) == 0);
        free(data);
        free(text);
    }
}

/* A wrong character anywhere in a long text, also at the seams, is found. */
Test(base64, wrong_characters_in_long_text) {
    const size_t n = ((size_t)8 << 20);
    static const size_t places[] = {0,
                                    1,
                                    ((size_t)3 << 20) - 1,
                                    (size_t)3 << 20,
                                    ((size_t)3 << 20) + 1,
                                    ((size_t)6 << 20) - 1,
                                    (size_t)6 << 20,
                                    ((size_t)8 << 20) - 3,
                                    ((size_t)8 << 20) - 1};
    static const char wrong[] = {' ', '\n', '-', '=', '\0', '\x80'};
    char *text = malloc(n);
    for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); ++p) {
        for (size_t w = 0; w < sizeof(wrong); ++w) {
            size_t len = n, where;
            memset(text, 'A', n);
            text[places[p]] = wrong[w];
            bool padding = wrong[w] == '=' && places[p] == n - 1;
            cr_expect(eq(int, sv_base64_decode(text, &len, &where), padding), "%zu %d", places[p],
                      wrong[w]);
        }
    }
    free(text);
}
