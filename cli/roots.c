/* Which rule of a root VirtualService takes a request, whatever its delegate does with it. */
#include "roots.h"

#include <stdlib.h>
#include <string.h>

#include "document_json.h"
#include "rules.h"

typedef struct root_texts {
    hr_scratch *scratch;
    char *text; /* JSON documents, which are YAML, too */
    size_t len;
} root_texts;

/* An entry that delegates answers instead: only its conditions count. */
static void answer_at_root(void *ctx, json_t *resource) {
    json_t *http = json_object_get(json_object_get(resource, "spec"), "http"), *entry;
    size_t i;
    (void)ctx;
    json_array_foreach(http, i, entry) {
        if (!json_is_object(json_object_get(entry, "delegate")))
            continue;
        json_t *match = json_object_get(entry, "match");
        json_t *answer = json_pack("{s:{s:i}}", "directResponse", "status", 200);
        if (match != NULL)
            json_object_set(answer, "match", match);
        json_array_set_new(http, i, answer);
    }
}

static int add_document(void *ctx, const hr_document *document) {
    root_texts *texts = ctx;
    json_t *root = cli_document_json(document, texts->scratch);
    cli_each_virtual_service(root, "", answer_at_root, NULL);
    char *json = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(root);
    if (json == NULL)
        return HR_ENOMEM;
    size_t n = strlen(json);
    texts->text = cli_realloc(texts->text, texts->len + n + 6);
    texts->len += (size_t)sprintf(texts->text + texts->len, "---\n%s\n", json);
    free(json);
    return HR_OK;
}

static hr_table *load_roots(root_texts *texts, const cli_input *input) {
    hr_table *table = NULL;
    if (hr_scratch_new(&texts->scratch) != HR_OK ||
        hr_documents_read(NULL, input->sources, input->n, &input->options, add_document, texts) !=
            HR_OK)
        return NULL;
    hr_source all = {.name = "(rules without their delegates)", .text = {texts->text, texts->len}};
    if (all.text.p == NULL)
        all.text = HR_STR("");
    hr_table_load(&table, NULL, &all, 1, &input->options);
    return table;
}

hr_table *cli_roots_load(const cli_input *input) {
    root_texts texts = {0};
    hr_table *table = load_roots(&texts, input);
    hr_scratch_free(texts.scratch);
    free(texts.text);
    return table;
}

static bool same(hr_str a, hr_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool cli_delegate_takes_part(const hr_table *table, hr_str id, int32_t index) {
    for (size_t i = 0; i < hr_table_virtual_service_count(table); i++) {
        hr_virtual_service_info info = HR_VIRTUAL_SERVICE_INFO_INIT;
        hr_table_virtual_service(&info, table, i);
        for (size_t r = 0; same(info.name, id) && r < info.n_routes; r++)
            if (info.routes[r] == index)
                return true;
    }
    return false;
}
