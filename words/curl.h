/* A request as a command line of curl. */
#ifndef HR_WORDS_CURL_H
#define HR_WORDS_CURL_H

#include <headerroute/headerroute.h>

/* "curl -H 'target: condition1' http://shop.example.com/api/", which the caller frees. Bash and zsh
 * read the request's bytes from it; on a terminal it is safe to print. */
char *words_of_request(const hr_request *request);

#endif
