/*
 * Softmax of a block of 128 positions, from sums of products to weights that can be multiplied as integers: times the scales of
 * values they become levels of 16 bits, of which 65535 is the largest score's weight times the largest scale.
 */

#include "attention-integers.h"

enum { LARGEST_WEIGHT = 65535 };

/* A row's largest score is taken for more by this part of it, so that no score is above it however it is rounded. */
#define MARGIN 0x1p-21f

/* Positions of a block that rows of one token see, and the scales of their values. */
typedef struct {
  int from, end;
  /* All bits where a position is seen. */
  integers seen[VECTORS];
  /* The levels of a weight of 1; 0 where it is not seen. What a level is worth. */
  floats levels[VECTORS];
  float step;
} Sight;

/* Both ends are those within the block; vectors behind the last one are not looked at. */
static void look(const Pass *pass, Sight *sight, int from, int end, const uint8_t *values, size_t vectors) {
  const integers lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  floats largest = all(LARGEST_MIN);
  sight->from = from, sight->end = end;
  for (size_t vector = 0; vector < vectors; vector++) {
    const integers position = lanes + (int)(vector * LANES);
    sight->seen[vector] = (position >= from) & (position < end);
    /* Behind what is written they may be anything. */
    const floats scales = load(scales_of(pass, values + vector * block_bytes(pass)));
    sight->levels[vector] = choose(sight->seen[vector], scales, all(0));
    largest = larger(largest, sight->levels[vector]);
  }
  const float most = largest_of(largest);
  for (size_t vector = 0; vector < vectors; vector++) sight->levels[vector] *= all(LARGEST_WEIGHT / most);
  sight->step = most / LARGEST_WEIGHT;
}

/* 2 to the power of a, for a at most 0: 1 for 0, else off by 2 parts in 10 million at most; 2^-64 below -64. */
INLINE floats two_to_the(floats a) {
  const floats kept = larger(a, all(-64.0f));
  /* Beside the nearest whole number, which is exact. */
#ifdef __AVX512DQ__
  const floats rest = (floats)_mm512_reduce_ps((__m512)kept, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  const integers whole = rounded(kept);
  const floats rest = kept - __builtin_convertvector(whole, floats);
#endif
  floats series = all(0.00132647424f);
  series = multiply_add(series, rest, all(0.00967151765f));
  series = multiply_add(series, rest, all(0.0555073358f));
  series = multiply_add(series, rest, all(0.240222424f));
  series = multiply_add(series, rest, all(0.693147004f));
  series = multiply_add(series, rest, all(1.0f));
#ifdef __AVX512DQ__
  return (floats)_mm512_scalef_ps((__m512)series, (__m512)(kept - rest));
#else
  return (floats)((integers)series + (whole << 23));
#endif
}

/* Four vectors of weights in levels, which are the lower 16 bits, become two rows of bytes. */
INLINE void split_four(const integers *levels, uint8_t *high, uint8_t *low) {
#ifdef __AVX512VBMI__
  /* Of two vectors: their lower bytes, then their higher ones. */
  quads halves[2];
  for (size_t half = 0; half < 2; half++) {
    halves[half] = __builtin_shufflevector((quads)levels[2 * half], (quads)levels[2 * half + 1],
        0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 72, 76, 80, 84, 88, 92, 96, 100, 104, 108, 112, 116, 120, 124,
        1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45, 49, 53, 57, 61, 65, 69, 73, 77, 81, 85, 89, 93, 97, 101, 105, 109, 113, 117, 121, 125);
  }
  *(__m512i *)low = _mm512_shuffle_i64x2((__m512i)halves[0], (__m512i)halves[1], 0x44);
  *(__m512i *)high = _mm512_shuffle_i64x2((__m512i)halves[0], (__m512i)halves[1], 0xee);
#else
  for (size_t vector = 0; vector < 4; vector++) {
    *(bytes *)(low + vector * LANES) = __builtin_convertvector(levels[vector] & 255, bytes);
    *(bytes *)(high + vector * LANES) = __builtin_convertvector(levels[vector] >> 8 & 255, bytes);
  }
#endif
}

/* Sums of products become scores, but for the scales of queries, and what is masked MASKED. What the largest of each row is. */
INLINE floats find_scores(
    const Pass *pass, Work *work, size_t first, size_t some, const Sight *const *sights, const uint8_t *keys,
    size_t vectors, int is_masked) {
  floats each[LANES], scales[VECTORS];
#pragma clang loop unroll(full)
  for (size_t vector = 0; vector < vectors; vector++) scales[vector] = load(scales_of(pass, keys + vector * block_bytes(pass)));
  for (size_t i = 0; i < LANES; i++) each[i] = all(MASKED);
  for (size_t i = 0; i < some; i++) {
    integers *sums = work->scores[i];
    floats largest = all(MASKED);
#pragma clang loop unroll(full)
    for (size_t vector = 0; vector < vectors; vector++) {
      floats score = __builtin_convertvector(sums[vector], floats) * scales[vector];
      if (is_masked) score = choose(sights[i]->seen[vector], score, all(MASKED));
      sums[vector] = (integers)score;
      largest = larger(largest, score);
    }
    each[i] = largest;
  }
  return largest_of_each(each);
}

/* Rows `first` to `first + some - 1` of the piece, LANES at most. */
INLINE void weigh_some(
    const Pass *pass, Work *work, size_t first, size_t some, const Sight *const *sights, const uint8_t *keys,
    size_t vectors, int is_masked) {
  Rows *rows = &work->rows;
  float bases[LANES], factors[LANES];
  const floats largest = find_scores(pass, work, first, some, sights, keys, vectors, is_masked);
  const floats exact = largest * load(work->query_scales + first);
  const floats base = choose(largest > all(MASKED), multiply_add(magnitude(exact), all(MARGIN), exact), all(MASKED));
  const floats before = load(rows->largest + first), now = larger(before, base), factor = two_to_the(base - now);
  store(bases, -base);
  store(factors, factor);
  /* Those of rows behind these stay as they are. */
  store(rows->largest + first, now);
  store(rows->rescale + first, two_to_the(before - now));
  for (size_t i = 0; i < some; i++) {
    const size_t row = first + i;
    floats total = all(0);
    integers levels[VECTORS] = {0};
#pragma clang loop unroll(full)
    for (size_t vector = 0; vector < vectors; vector++) {
      floats weight = two_to_the(multiply_add((floats)work->scores[i][vector], all(work->query_scales[row]), all(bases[i])));
      if (is_masked) weight = choose(sights[i]->seen[vector], weight, all(0));
      /* The lower bits of such a float are a whole number. */
      levels[vector] = (integers)multiply_add(weight, sights[i]->levels[vector], all(0x1p23f));
      total += weight;
    }
#pragma clang loop unroll(full)
    for (size_t vector = 0; vector < VECTORS; vector += 4) {
      split_four(levels + vector, work->high[i] + vector * LANES, work->low[i] + vector * LANES);
    }
    store(rows->totals[row], multiply_add(total, all(factors[i]), load(rows->totals[row]) * all(rows->rescale[row])));
    work->steps[row] = factors[i] * sights[i]->step;
  }
}

void weigh_scores(const Pass *pass, Work *work, size_t first, size_t some, const uint8_t *keys, const uint8_t *values, size_t vectors) {
  const Rows *rows = &work->rows;
  Sight sights[LANES];
  const Sight *of[LANES];
  size_t count = 0;
  int is_masked = 0;
  for (size_t i = 0; i < some; i++) {
    const int from = rows->from[first + i] > 0 ? rows->from[first + i] : 0, end = rows->end[first + i];
    if (count == 0 || sights[count - 1].from != from || sights[count - 1].end != end) {
      look(pass, &sights[count++], from, end, values, vectors);
    }
    is_masked |= from > 0 || end < BLOCK;
    of[i] = &sights[count - 1];
  }
#define WEIGH(vectors, is_masked) weigh_some(pass, work, first, some, of, keys, vectors, is_masked)
  if (!is_masked) return WEIGH(VECTORS, 0);
  switch (vectors) {
    case 1: return WEIGH(1, 1);
    case 2: return WEIGH(2, 1);
    case 3: return WEIGH(3, 1);
    case 4: return WEIGH(4, 1);
    case 5: return WEIGH(5, 1);
    case 6: return WEIGH(6, 1);
    case 7: return WEIGH(7, 1);
    default: return WEIGH(8, 1);
  }
#undef WEIGH
}
