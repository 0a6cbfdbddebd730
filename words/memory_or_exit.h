/* Memory of which a program that ends soon need not do without. */
#ifndef HR_WORDS_MEMORY_OR_EXIT_H
#define HR_WORDS_MEMORY_OR_EXIT_H

#include <stddef.h>

/* realloc that ends the program with a sentence and exit code 1 if memory is short. */
void *words_realloc(void *p, size_t size);

#endif
