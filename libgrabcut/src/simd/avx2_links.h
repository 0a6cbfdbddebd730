/* The links of eight pixels with AVX2: a register holds one slot of all eight. */
#ifndef GRABCUT_SIMD_AVX2_LINKS_H
#define GRABCUT_SIMD_AVX2_LINKS_H

#include "avx2_memory.h"
#include "flow.h"

/* Squared distances of the colours of eight pixels. */
static inline __m256i eight_distances(__m256i a, __m256i b) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i d = _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
    __m256i first = _mm256_unpacklo_epi8(d, zero), last = _mm256_unpackhi_epi8(d, zero);
    __m256 s = _mm256_castsi256_ps(_mm256_madd_epi16(first, first));
    __m256 t = _mm256_castsi256_ps(_mm256_madd_epi16(last, last));
    return _mm256_add_epi32(_mm256_castps_si256(_mm256_shuffle_ps(s, t, 0x88)),
                            _mm256_castps_si256(_mm256_shuffle_ps(s, t, 0xdd)));
}

/* Of the even lanes: high * low, with what rounds it, in 64 bits. */
static inline __m256i scaled_product(__m256i high, __m256i low) {
    return _mm256_add_epi64(_mm256_mul_epu32(high, low), _mm256_set1_epi64x(INT64_C(1) << 38));
}

/* links->high of eight distances. They are mostly short; then one register holds the entries. */
static inline __m256i high_of(const gc_nlinks *links, __m256i distance) {
    __m256i i = _mm256_srli_epi32(distance, GC_LOW_BITS);
    if (_mm256_testz_si256(i, _mm256_set1_epi32(~7)))
        return _mm256_permutevar8x32_epi32(load_256(links->high), i);
    return _mm256_i32gather_epi32((const int *)links->high, i, 4);
}

/* gc_nlinks_capacity of eight distances. */
static inline __m256i eight_capacities(const gc_nlinks *links, __m256i distance, int straight) {
    __m256i i = _mm256_and_si256(distance, _mm256_set1_epi32(GC_LOW - 1));
    __m256i low = _mm256_i32gather_epi32((const int *)links->low[straight], i, 4),
            high = high_of(links, distance);
    __m256i even = _mm256_srli_epi64(scaled_product(high, low), 39);
    __m256i odd = _mm256_srli_epi64(
        scaled_product(_mm256_srli_epi64(high, 32), _mm256_srli_epi64(low, 32)), 39);
    return _mm256_or_si256(even, _mm256_slli_epi64(odd, 32));
}

/* What each of eight pixels has in its four slots. */
typedef struct slots {
    __m256i of[4];
} slots;

static inline __m256i pairs_of_slots(__m256i even, __m256i odd) {
    return _mm256_blend_epi16(even, _mm256_slli_epi32(odd, 16), 0xaa);
}

static inline void store_rooms(const gc_flow *f, size_t p, const slots *room) {
    __m256i front = pairs_of_slots(room->of[0], room->of[1]),
            back = pairs_of_slots(room->of[2], room->of[3]);
    __m256i even = _mm256_unpacklo_epi32(front, back), odd = _mm256_unpackhi_epi32(front, back);
    store_256(f->room_low + p * 4, _mm256_permute2x128_si256(even, odd, 0x20));
    store_256(f->room_low + p * 4 + 16, _mm256_permute2x128_si256(even, odd, 0x31));
    const __m256i byte = _mm256_set1_epi32(255);
    __m256i first = _mm256_or_si256(_mm256_srli_epi32(room->of[0], 16),
                                    _mm256_andnot_si256(byte, _mm256_srli_epi32(room->of[1], 8)));
    __m256i last = _mm256_or_si256(_mm256_srli_epi32(room->of[2], 16),
                                   _mm256_andnot_si256(byte, _mm256_srli_epi32(room->of[3], 8)));
    store_256(f->room_high + p * 4, _mm256_or_si256(first, _mm256_slli_epi32(last, 16)));
}

static inline slots load_rooms(const gc_flow *f, size_t p) {
    __m256i left = load_256(f->room_low + p * 4), right = load_256(f->room_low + p * 4 + 16);
    __m256i even = _mm256_permute2x128_si256(left, right, 0x20),
            odd = _mm256_permute2x128_si256(left, right, 0x31);
    __m256 s = _mm256_castsi256_ps(even), t = _mm256_castsi256_ps(odd);
    __m256i front = _mm256_castps_si256(_mm256_shuffle_ps(s, t, 0x88));
    __m256i back = _mm256_castps_si256(_mm256_shuffle_ps(s, t, 0xdd));
    const __m256i low = _mm256_set1_epi32(0xffff), top = _mm256_set1_epi32(0xff0000);
    __m256i high = load_256(f->room_high + p * 4);
    return (slots){{
        _mm256_or_si256(_mm256_and_si256(front, low),
                        _mm256_and_si256(_mm256_slli_epi32(high, 16), top)),
        _mm256_or_si256(_mm256_srli_epi32(front, 16),
                        _mm256_and_si256(_mm256_slli_epi32(high, 8), top)),
        _mm256_or_si256(_mm256_and_si256(back, low), _mm256_and_si256(high, top)),
        _mm256_or_si256(_mm256_srli_epi32(back, 16),
                        _mm256_and_si256(_mm256_srli_epi32(high, 8), top)),
    }};
}

/* Byte j of all eight lanes goes to word j. */
static inline void bytes_to_words(uint64_t word[4], __m256i lanes) {
    const __m256i by_byte = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
                                             0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m256i halves = _mm256_shuffle_epi8(lanes, by_byte);
    store_256(word, _mm256_permutevar8x32_epi32(halves, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}

/* `bit` in the lanes that are greater than 0. */
static inline __m256i where_positive(__m256i v, int bit) {
    return _mm256_and_si256(_mm256_cmpgt_epi32(v, _mm256_setzero_si256()), _mm256_set1_epi32(bit));
}

/* Opens the arcs of eight pixels that have room, and those that come back to them. */
static inline void open_eight_arcs(uint8_t *own, uint8_t *below, const slots *room,
                                   const slots *back) {
    uint64_t out[4], in[4];
    bytes_to_words(out, _mm256_or_si256(_mm256_or_si256(where_positive(room->of[0], 0x10),
                                                        where_positive(room->of[1], 0x20)),
                                        _mm256_or_si256(where_positive(room->of[2], 0x40),
                                                        where_positive(room->of[3], 0x80))));
    bytes_to_words(in, _mm256_or_si256(_mm256_or_si256(where_positive(back->of[0], 8),
                                                       where_positive(back->of[1], 4 << 8)),
                                       _mm256_or_si256(where_positive(back->of[2], 2 << 16),
                                                       where_positive(back->of[3], 1 << 24))));
    gc_or_bytes(own, out[0] | in[0] << 8);
    own[64] |= (uint8_t)(in[0] >> 56); /* the first pixel of the next tile */
    gc_or_bytes(below, in[1] >> 8 | in[2] | in[3] << 8);
    below[-57] |= (uint8_t)in[1]; /* the last one of the tile before */
    below[64] |= (uint8_t)(in[3] >> 56);
}

/* Each lane's number goes to the next, 0 to the first; *out: the last one's. */
static inline __m256i to_next(__m256i v, int32_t *out) {
    __m256i turned = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6));
    *out = _mm256_cvtsi256_si32(turned);
    return _mm256_blend_epi32(turned, _mm256_setzero_si256(), 0x01);
}

static inline __m256i to_last(__m256i v, int32_t *out) {
    __m256i turned = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0));
    *out = _mm256_cvtsi256_si32(v);
    return _mm256_blend_epi32(turned, _mm256_setzero_si256(), 0x80);
}

/* What the flow of the last iteration has changed: it is kept, so the excess is another one. */
static inline void move_eight_excess(int32_t *own, int32_t *below, const slots *flow) {
    const __m256i *v = flow->of;
    int32_t east, southwest, southeast;
    __m256i gone = _mm256_add_epi32(_mm256_add_epi32(v[0], v[1]), _mm256_add_epi32(v[2], v[3]));
    store_256(own, _mm256_add_epi32(load_256(own), _mm256_sub_epi32(to_next(v[0], &east), gone)));
    own[64] += east;
    __m256i come = _mm256_add_epi32(
        v[2], _mm256_add_epi32(to_last(v[1], &southwest), to_next(v[3], &southeast)));
    store_256(below, _mm256_add_epi32(load_256(below), come));
    below[-57] += southwest;
    below[64] += southeast;
}

static void link_eights(gc_flow *f, size_t p, size_t q, const uint32_t *px, const uint32_t *below,
                        int n, int fresh) {
    for (int i = 0; i < n; i += 8, p += 64, q += 64) {
        const __m256i own = load_256(px + i);
        const slots cap = {{
            eight_capacities(f->links, eight_distances(own, load_256(px + i + 1)), 1),
            eight_capacities(f->links, eight_distances(own, load_256(below + i - 1)), 0),
            eight_capacities(f->links, eight_distances(own, load_256(below + i)), 1),
            eight_capacities(f->links, eight_distances(own, load_256(below + i + 1)), 0),
        }};
        if (fresh) {
            store_rooms(f, p, &cap);
            open_eight_arcs(f->open + p, f->open + q, &cap, &cap);
            continue;
        }
        slots room = load_rooms(f, p), back, flow;
        for (int slot = 0; slot < 4; slot++) {
            flow.of[slot] = _mm256_sub_epi32(cap.of[slot], room.of[slot]);
            back.of[slot] = _mm256_add_epi32(cap.of[slot], flow.of[slot]);
        }
        open_eight_arcs(f->open + p, f->open + q, &room, &back);
        move_eight_excess(f->excess + p, f->excess + q, &flow);
    }
}

#endif
