/* Prints the mesh view of a file as JSON, then one line an index: how many rules it has, and how
 * many of them it finds by the key of the extra match field. */
#include <stdio.h>

#include <headerroute/headerroute.h>

#include "index.h"
#include "view.h"

static void print_index(const hr_route_list *routes) {
    const hr_index *index = routes->index;
    if (index != NULL && index->has[HR_KEY_PATH_AND_QUERY])
        printf("index %zu of %zu\n", routes->n - index->n_others, routes->n);
}

int main(int argc, char **argv) {
    hr_table *table = NULL;
    hr_view *view = NULL;
    hr_scratch *scratch = NULL;
    hr_str json;
    const char *paths[] = {argc == 2 ? argv[1] : ""};
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = 80;
    if (hr_table_load_paths(&table, NULL, paths, 1, NULL) != HR_OK ||
        hr_view_new(&view, table, &options) != HR_OK || hr_scratch_new(&scratch) != HR_OK ||
        hr_view_json(&json, view, scratch) != HR_OK)
        return 1;
    printf("%.*s\n", (int)json.len, json.p);
    for (size_t i = 0; i < view->n_tables; i++)
        for (size_t j = 0; j < view->tables[i].n_vhosts; j++)
            print_index(view->tables[i].vhosts[j].routes);
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
    return 0;
}
