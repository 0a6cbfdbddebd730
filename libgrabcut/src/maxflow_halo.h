/*
 * What a sweep looks at in a tile, 8x8 pixels at once. The SIMD levels bring, all with the same results:
 *
 *  void look_around(halo *, const uint8_t *label, const uint8_t *up, const uint8_t *down)
 *      From the labels of the tile, of the one above and of the one below, and of those beside them, which
 *      are 64 bytes before and after.
 *  void keep_labels(const halo *, uint8_t label[64])
 *      The tile's own labels go back.
 *  uint64_t admissible(uint8_t arcs[64], const halo *, const uint8_t open[64])
 *      arcs: those open to a neighbour with the label one less. Returns the pixels that have any.
 *  uint64_t relabel(halo *, const uint8_t open[64], uint64_t bits, uint8_t level, uint64_t *beyond)
 *      Raises the labels of the pixels in `bits` to one above the lowest neighbour over an open arc, all at
 *      the same time. Returns those that have an open arc; *beyond: those that rise to `level` or more.
 *  void split_planes(uint64_t planes[8], const uint8_t open[64])
 *      planes[d]: bit d of each.
 *  void signs(uint64_t *negative, uint64_t *positive, const int32_t excess[64])
 *      The pixels whose excess is below 0, and those whose excess is above.
 *  void set_bytes(uint8_t bytes[64], uint64_t bits, uint8_t value)
 *      Sets the bytes whose bit is set.
 */
#ifndef GRABCUT_MAXFLOW_HALO_H
#define GRABCUT_MAXFLOW_HALO_H

#include <stddef.h>
#include <stdint.h>

typedef struct halo halo;

#endif
