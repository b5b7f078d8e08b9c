#pragma once

/*
 * Attention to integers of 8 bits: how keys and values lie in slots, and what ways of multiplying them have in common. A head's
 * positions lie in blocks of 16, as sums of products by fours read them:
 *
 *   keys, values [slots, kvHeads, positions, headDim + 4], of blocks
 *     of keys:   [headDim / 4][16 positions][4 channels], signed ; 16 scales, floats
 *     of values: [4][headDim channels][4 positions],      signed ; 16 scales, floats
 *
 * For every block of 128 positions: sums of products of queries and keys become weights (attention-weights.c), and weights are
 * multiplied with values. Sums are exact, so that it is the same whether vectors add them up (attention-integers.c) or tiles
 * (attention-tiles.c).
 */

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "attention.h"
#include "products.h"
#include "quantize.h"

/* Positions of a block, and vectors of them. */
enum { BLOCK = 128, VECTORS = BLOCK / LANES };

/* What one thread needs for a piece. */
typedef struct {
  Rows rows;
  /* [rows, headDim], signed. */
  int8_t queries[ROWS_MAX * HEAD_DIM_MAX] __attribute__((aligned(CACHE_LINE)));
  /* Of a row of queries: what a level is worth, in powers of two of a weight, and the sum of levels. */
  float query_scales[ROWS_MAX + LANES];
  int32_t query_sums[ROWS_MAX];
  /* Of some rows that go through a block together: sums of products of queries and keys, which weighing them overwrites. */
  integers scores[LANES][VECTORS];
  /* The bytes of their weights. Of positions that none of them sees they are 0. */
  uint8_t high[LANES][BLOCK] __attribute__((aligned(CACHE_LINE)));
  uint8_t low[LANES][BLOCK] __attribute__((aligned(CACHE_LINE)));
  /* By row: what a level of its weights is worth. */
  float steps[ROWS_MAX];
} Work;

INLINE size_t row_bytes(const Pass *pass) { return pass->head_dim + SCALE_BYTES; }

/* Bytes of 16 positions of a head. */
INLINE size_t block_bytes(const Pass *pass) { return LANES * row_bytes(pass); }

/* Scales of a block, of keys or of values. */
INLINE float *scales_of(const Pass *pass, const void *block) { return (float *)block + LANES * pass->head_dim / sizeof(float); }

/* Vectors of positions in which any of some rows sees something. */
INLINE size_t vectors_seen(const Rows *rows, size_t first, size_t some) { return (end_seen(rows, first, some) + LANES - 1) / LANES; }

/*
 * Sums of products of some rows from `first` on, LANES at most, become weights, in levels. The block begins at `keys` and `values`,
 * and has so many vectors that any of them sees.
 */
void weigh_scores(const Pass *pass, Work *work, size_t first, size_t some, const uint8_t *keys, const uint8_t *values, size_t vectors);

/* Means of a row's 16 channels go on by what both bytes of its weights add. */
INLINE void add_means(const Pass *pass, Work *work, size_t row, size_t channel, integers high, integers low) {
  float *sums = work->rows.sums + row * pass->head_dim + channel;
  const floats levels = __builtin_convertvector((high << 8) + low, floats);
  store(sums, multiply_add(levels, all(work->steps[row]), load(sums) * all(work->rows.rescale[row])));
}

/* ── In tiles ─ */

/* Whether a piece of so many rows attends in tiles. */
int attends_in_tiles(const Pass *pass, size_t rows);

/* Around the blocks of a piece. */
void begin_tiles(void);
void end_tiles(void);

/* All rows through a block. */
void attend_block_in_tiles(const Pass *pass, Work *work, const uint8_t *keys, const uint8_t *values);
