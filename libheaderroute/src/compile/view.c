/* Reference counting of compiled views. */
#include "view.h"

#include <stdlib.h>

hr_view *hr_view_ref(hr_view *view) {
    if (view != NULL)
        atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    return view;
}

void hr_view_unref(hr_view *view) {
    if (view == NULL || atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) != 1)
        return;
    hr_arena_free(view->arena);
    hr_table_unref(view->table);
    free(view);
}

hr_table *hr_view_table(const hr_view *view) {
    return view == NULL ? NULL : view->table;
}

size_t hr_view_cluster_count(const hr_view *view) {
    return view == NULL ? 0 : view->n_clusters;
}

const hr_cluster *hr_view_cluster(const hr_view *view, size_t index) {
    return view == NULL || index >= view->n_clusters ? NULL : view->clusters[index];
}
