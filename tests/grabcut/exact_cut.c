/* The minimum of GrabCut's energy by a solver of its own. */
#include "exact_cut.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNIT 17592186044416.0 /* 2^44 */
#define PROMISED (1.0 / 1099511627776.0)

static const int DX[8] = {-1, -1, 0, 1, 1, 1, 0, -1}, DY[8] = {0, -1, -1, -1, 0, 1, 1, 1};

void exact_cut_init(exact_cut *cut, int w, int h) {
    size_t n = (size_t)w * (size_t)h;
    cut->w = w;
    cut->h = h;
    cut->terminal = calloc(n, sizeof *cut->terminal);
    cut->link = calloc(n, sizeof *cut->link);
    cut->fixed = malloc(n);
    if (!cut->terminal || !cut->link || !cut->fixed)
        abort();
    memset(cut->fixed, -1, n);
}

void exact_cut_free(exact_cut *cut) {
    free(cut->terminal);
    free(cut->link);
    free(cut->fixed);
}

/* More than all links of a pixel together is as good as any more; no number: no likelihood at all,
 * which the reference takes for foreground. */
void exact_cut_terminal(exact_cut *cut, int at, double pull) {
    cut->terminal[at] = isnan(pull) ? 345 : fmax(-345, fmin(345, pull));
}

void exact_cut_fix(exact_cut *cut, int at, int label) {
    cut->fixed[at] = (int8_t)label;
}

void exact_cut_link(exact_cut *cut, int at, int k, double capacity) {
    cut->link[at][k] = capacity;
}

typedef struct network {
    int w, h, n;
    int64_t *terminal, (*room)[8];
    int *level, *queue;
} network;

static int neighbour_of(const network *g, int i, int d) {
    int x = i % g->w + DX[d], y = i / g->w + DY[d];
    return x < 0 || y < 0 || x >= g->w || y >= g->h ? -1 : y * g->w + x;
}

/* `more`: to every terminal link. */
static void build_network(network *g, const exact_cut *cut, double more) {
    size_t n = (size_t)cut->w * (size_t)cut->h;
    *g = (network){.w = cut->w, .h = cut->h, .n = (int)n};
    g->terminal = malloc(n * sizeof *g->terminal);
    g->room = calloc(n, sizeof *g->room);
    g->level = malloc(n * sizeof *g->level);
    g->queue = malloc(n * sizeof *g->queue);
    if (!g->terminal || !g->room || !g->level || !g->queue)
        abort();
    for (int i = 0; i < g->n; i++) {
        double t = cut->fixed[i] < 0 ? cut->terminal[i] + more : cut->fixed[i] ? 450 : -450;
        g->terminal[i] = llrint(t * UNIT);
        for (int d = 0; d < 4; d++) {
            int j = neighbour_of(g, i, d);
            if (j >= 0)
                g->room[i][d] = g->room[j][d + 4] = llrint(cut->link[i][d] * UNIT);
        }
    }
}

static void free_network(network *g) {
    free(g->terminal);
    free(g->room);
    free(g->level);
    free(g->queue);
}

/* Distances to the sink; -1 where it cannot be reached. Returns whether any excess can. */
static int find_levels(network *g) {
    int end = 0, found = 0;
    for (int i = 0; i < g->n; i++) {
        g->level[i] = g->terminal[i] < 0 ? 0 : -1;
        if (g->terminal[i] < 0)
            g->queue[end++] = i;
    }
    for (int at = 0; at < end; at++) {
        int i = g->queue[at];
        found |= g->terminal[i] > 0;
        for (int d = 0; d < 8; d++) {
            int j = neighbour_of(g, i, d);
            if (j < 0 || g->level[j] >= 0 || g->room[j][(d + 4) % 8] == 0)
                continue;
            g->level[j] = g->level[i] + 1;
            g->queue[end++] = j;
        }
    }
    return found;
}

static int64_t send_down(network *g, int i, int64_t amount) {
    if (g->level[i] == 0) {
        int64_t taken = -g->terminal[i] < amount ? -g->terminal[i] : amount;
        taken = taken > 0 ? taken : 0;
        g->terminal[i] += taken;
        return taken;
    }
    int64_t sent = 0;
    for (int d = 0; d < 8 && sent < amount; d++) {
        int j = neighbour_of(g, i, d);
        if (j < 0 || g->level[j] != g->level[i] - 1 || g->room[i][d] == 0)
            continue;
        int64_t rest = amount - sent, part = rest < g->room[i][d] ? rest : g->room[i][d];
        part = send_down(g, j, part);
        g->room[i][d] -= part;
        g->room[j][(d + 4) % 8] += part;
        sent += part;
    }
    if (sent < amount)
        g->level[i] = -1; /* a dead end in this phase */
    return sent;
}

/* Labels of the minimum cut with the fewest background pixels. */
static void solve(const exact_cut *cut, double more, uint8_t *labels) {
    network g;
    build_network(&g, cut, more);
    while (find_levels(&g))
        for (int i = 0; i < g.n; i++)
            if (g.terminal[i] > 0 && g.level[i] > 0)
                g.terminal[i] -= send_down(&g, i, g.terminal[i]);
    for (int i = 0; i < g.n; i++)
        labels[i] = g.level[i] < 0;
    free_network(&g);
}

/* In units; for cuts that keep the fixed labels. */
static long double energy_of(const exact_cut *cut, const uint8_t *labels) {
    long double sum = 0; /* of integers below 2^64, so exact */
    for (int i = 0; i < cut->w * cut->h; i++) {
        if (cut->fixed[i] < 0)
            sum -= labels[i] ? (long double)llrint(cut->terminal[i] * UNIT) : 0;
        for (int d = 0; d < 4; d++) {
            int x = i % cut->w + DX[d], y = i / cut->w + DY[d];
            if (x >= 0 && y >= 0 && x < cut->w && labels[i] != labels[y * cut->w + x])
                sum += (long double)llrint(cut->link[i][d] * UNIT);
        }
    }
    return sum;
}

void exact_cut_judge(const exact_cut *cut, const uint8_t *ours, const uint8_t *theirs,
                     exact_result *result) {
    const int n = cut->w * cut->h;
    uint8_t *best = malloc((size_t)n), *least = malloc((size_t)n), *most = malloc((size_t)n);
    if (!best || !least || !most)
        abort();
    /* Capacities are off by up to nine halves of the promised unit at a pixel; a bit more, for the
     * last bits of logarithms. */
    const double doubt = 8 * PROMISED;
    solve(cut, 0, best);
    solve(cut, -doubt, least);
    solve(cut, doubt, most);
    int undecided = 0, differing = 0;
    for (int i = 0; i < n; i++) {
        undecided += cut->fixed[i] < 0;
        differing += theirs[i] != best[i];
    }
    const long double minimum = energy_of(cut, best);
    result->excess[0] = (double)(energy_of(cut, ours) - minimum) / UNIT;
    result->excess[1] = (double)(energy_of(cut, theirs) - minimum) / UNIT;
    result->minimal[0] = result->excess[0] <= 5 * undecided * PROMISED;
    result->minimal[1] = result->excess[1] <= 4 * differing * PROMISED;
    result->unique = memcmp(least, most, (size_t)n) == 0;
    free(best);
    free(least);
    free(most);
}
