/*
 * Keys and values in integers of 8 bits, with a scale for those of a position in a head that brings their largest magnitude to
 * 127. A head's positions lie in blocks of 16, as sums of products by fours read them:
 *
 *   keys, values [slots, kvHeads, positions, headDim + 4], of blocks
 *     of keys:   [headDim / 4][16 positions][4 channels], unsigned, around 128 ; 16 scales, floats
 *     of values: [4][headDim channels][4 positions],      signed               ; 16 scales, floats
 *
 * Scores do not change where keys and queries are multiplied by the same orthogonal matrix: a Hadamard matrix spreads what
 * stands out in one channel over many. Queries become integers too, with a scale a row. Weights, times the scales of values,
 * become integers of 16 bits, with a scale for a row and 64 positions, and are multiplied as two bytes.
 */

#include "attention.h"
#include "products.h"
#include "quantize.h"

/* Sums that are kept in registers: rows by vectors of positions, and rows by vectors of channels by two. */
#ifdef __AVX512F__
enum { TILE_ROWS = 6, TILE_VECTORS = 4, MEAN_ROWS = 3 };
#else
enum { TILE_ROWS = 2, TILE_VECTORS = 2, MEAN_ROWS = 1 };
#endif

/* Levels of weights. */
enum { LARGEST_WEIGHT = 65535 };

/* What one thread needs for a piece. */
typedef struct {
  Rows rows;
  /* [rows, headDim], signed. */
  int8_t queries[ROWS_MAX * HEAD_DIM_MAX] __attribute__((aligned(CACHE_LINE)));
  /* Of a row of queries: what a level is worth, and what 128 in place of 0 adds to a score, times -1. */
  float query_scales[ROWS_MAX];
  int32_t query_offsets[ROWS_MAX];
  /* The bytes of weights; what a level of them is worth, and the levels of a weight of 1. */
  uint8_t high[ROWS_MAX][BLOCK] __attribute__((aligned(CACHE_LINE)));
  uint8_t low[ROWS_MAX][BLOCK] __attribute__((aligned(CACHE_LINE)));
  float steps[ROWS_MAX + LANES], levels[ROWS_MAX + LANES];
} Work;

static size_t row_bytes(const Pass *pass) { return pass->head_dim + SCALE_BYTES; }

/* Bytes of 16 positions of a head. */
static size_t block_bytes(const Pass *pass) { return LANES * row_bytes(pass); }

/* Where the block lies that a position of a head in a slot is in. */
static size_t block_at(const Pass *pass, size_t slot, size_t kv_head, size_t position) {
  return (slot * pass->kv_heads + kv_head) * pass->capacity * row_bytes(pass) + position / LANES * block_bytes(pass);
}

/* Scales of a block, of keys or of values. */
INLINE float *scales_of(const Pass *pass, const void *block) { return (float *)block + LANES * pass->head_dim / sizeof(float); }

/* Channels in one product with a Hadamard matrix: the largest power of two of them that a head is made of. */
static size_t run_of(const Pass *pass) { return pass->head_dim & -pass->head_dim; }

/* ── Writing ─ */

/* Times a matrix of entries 1 and -1, which is orthogonal but for a factor, in runs of channels. */
static void prepare(const Pass *pass, float *channels) {
  for (size_t i = 0; i < pass->head_dim; i += LANES) store(channels + i, spread(load(channels + i)));
  for (size_t half = LANES; half < run_of(pass); half *= 2) {
    for (size_t i = 0; i < pass->head_dim; i += LANES) {
      if (i & half) continue;
      const floats a = load(channels + i), b = load(channels + i + half);
      store(channels + i, a + b);
      store(channels + i + half, a - b);
    }
  }
}

/* Integers around 128; what one of them is worth. */
static float quantize_all(const float *values, size_t count, uint8_t *quants) {
  floats largest = all(0);
  for (size_t i = 0; i < count; i += LANES) largest = larger(largest, magnitude(load(values + i)));
  const float most = largest_of(largest) > LARGEST_MIN ? largest_of(largest) : LARGEST_MIN;
  for (size_t i = 0; i < count; i += LANES) quantize(quants, i, load(values + i), LARGEST_QUANT / most);
  return most / LARGEST_QUANT;
}

static void keep(const Pass *pass, size_t slot, size_t kv_head, size_t position, float *keys, float *values) {
  const size_t head_dim = pass->head_dim, at = block_at(pass, slot, kv_head, position), index = position % LANES;
  uint8_t *key_block = (uint8_t *)pass->keys + at, *value_block = (uint8_t *)pass->values + at;
  uint8_t quants[HEAD_DIM_MAX];
  prepare(pass, keys);
  scales_of(pass, key_block)[index] = quantize_all(keys, head_dim, quants);
  for (size_t i = 0; i < head_dim; i += QUAD) __builtin_memcpy(key_block + i * LANES + index * QUAD, quants + i, QUAD);
  scales_of(pass, value_block)[index] = quantize_all(values, head_dim, quants);
  uint8_t *quad = value_block + index / QUAD * QUAD * head_dim + index % QUAD;
  for (size_t i = 0; i < head_dim; i++) quad[i * QUAD] = quants[i] - ZERO_POINT;
}

static void take_query(const Pass *pass, Work *work, size_t row, const float *query) {
  const size_t head_dim = pass->head_dim;
  uint8_t quants[HEAD_DIM_MAX];
  /* Both sides of a score were multiplied by a matrix that is sqrt(run) times an orthogonal one. */
  work->query_scales[row] = quantize_all(query, head_dim, quants) / run_of(pass);
  int32_t sum = 0;
  for (size_t i = 0; i < head_dim; i++) {
    const int8_t level = quants[i] - ZERO_POINT;
    work->queries[row * head_dim + i] = level;
    sum += level;
  }
  work->query_offsets[row] = -ZERO_POINT * sum;
}

/* ── One block ─ */

/* Scores of some rows with some vectors of positions; how many is known when this is compiled. */
INLINE void score_tile(const Pass *pass, Work *work, size_t rows, size_t vectors, size_t row, const uint8_t *keys, size_t vector) {
  const size_t head_dim = pass->head_dim, bytes = block_bytes(pass);
  const int8_t *queries = work->queries + row * head_dim;
  const uint8_t *blocks = keys + vector * bytes;
  integers sums[TILE_ROWS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) sums[i][j] = (integers){0} + work->query_offsets[row + i];
  }
  for (size_t channel = 0; channel < head_dim; channel += QUAD) {
    quads line[TILE_VECTORS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) line[j] = load_quads(blocks + j * bytes + channel * LANES);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const quads quad = repeated(queries + i * head_dim + channel);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) sums[i][j] = add_products(sums[i][j], line[j], quad);
    }
  }
#pragma clang loop unroll(full)
  for (size_t j = 0; j < vectors; j++) {
    const floats scales = load(scales_of(pass, blocks + j * bytes));
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const floats scores = __builtin_convertvector(sums[i][j], floats) * scales * all(work->query_scales[row + i]);
      store(work->rows.weights[row + i] + (vector + j) * LANES, scores);
    }
  }
}

INLINE void score_rows(const Pass *pass, Work *work, size_t rows, size_t row, const uint8_t *keys, size_t vectors) {
  size_t vector = 0;
  for (; vector + TILE_VECTORS <= vectors; vector += TILE_VECTORS) score_tile(pass, work, rows, TILE_VECTORS, row, keys, vector);
  for (; vector < vectors; vector++) score_tile(pass, work, rows, 1, row, keys, vector);
}

/* Scores of `some` rows with the first `vectors` vectors of positions; at most TILE_ROWS rows. */
static void score(const Pass *pass, Work *work, size_t some, size_t row, const uint8_t *keys, size_t vectors) {
#define ROWS(count) \
  case count: score_rows(pass, work, count, row, keys, vectors); break;
  switch (some) {
    ROWS(1) ROWS(2)
#if __AVX512F__
    ROWS(3) ROWS(4) ROWS(5) ROWS(6)
#endif
  }
#undef ROWS
}

/*
 * Scores of some rows, LANES at most, become weights, times the scales of values, of which a level is worth a `step`. Where nothing
 * has weight, behind what is written, scales may be anything.
 */
static void weigh_values(const Pass *pass, Work *work, size_t first, size_t some, const uint8_t *values, size_t vectors) {
  Rows *rows = &work->rows;
  floats each[LANES];
  for (size_t i = 0; i < LANES; i++) each[i] = all(LARGEST_MIN);
  for (size_t row = first; row < first + some; row++) {
    float *weights = rows->weights[row];
    floats total = load(rows->totals[row]) * all(rows->rescale[row]), largest = all(LARGEST_MIN);
    const floats base = base_of(rows, row);
    for (size_t vector = 0; vector < vectors; vector++) {
      const floats weight = exponential(load(weights + vector * LANES) - base);
      const floats scales = load(scales_of(pass, values + vector * block_bytes(pass)));
      const floats scaled = weight * choose(weight > all(0), scales, all(0));
      store(weights + vector * LANES, scaled);
      total += weight;
      largest = larger(largest, scaled);
    }
    store(rows->totals[row], total);
    each[row - first] = largest;
  }
  const floats largest = largest_of_each(each);
  store(work->steps + first, largest / all(LARGEST_WEIGHT));
  store(work->levels + first, all(LARGEST_WEIGHT) / largest);
}

/* Weights of a row become levels. */
static void split_weights(Work *work, size_t row, size_t vectors) {
  for (size_t vector = 0; vector < vectors; vector++) {
    const integers levels = rounded(load(work->rows.weights[row] + vector * LANES) * all(work->levels[row]));
    *(loose_bytes *)(work->high[row] + vector * LANES) = __builtin_convertvector(levels >> 8, bytes);
    *(loose_bytes *)(work->low[row] + vector * LANES) = __builtin_convertvector(levels & 255, bytes);
  }
}

/* Some rows' weights by some vectors of channels; how many is known when this is compiled. */
INLINE void mean_tile(
    const Pass *pass, Work *work, size_t rows, size_t vectors, size_t row, const uint8_t *values, size_t channel, size_t positions) {
  const size_t head_dim = pass->head_dim;
  integers high[MEAN_ROWS][TILE_VECTORS], low[MEAN_ROWS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) high[i][j] = low[i][j] = (integers){0};
  }
  for (size_t position = 0; position < positions; position += QUAD) {
    const uint8_t *from = values + position / LANES * block_bytes(pass) + position % LANES * head_dim + channel * QUAD;
    quads line[TILE_VECTORS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) line[j] = load_quads(from + j * LANES * QUAD);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const quads high_quad = repeated(work->high[row + i] + position), low_quad = repeated(work->low[row + i] + position);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) {
        high[i][j] = add_products(high[i][j], high_quad, line[j]);
        low[i][j] = add_products(low[i][j], low_quad, line[j]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    float *sums = work->rows.sums + (row + i) * head_dim + channel;
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      const floats levels = __builtin_convertvector((high[i][j] << 8) + low[i][j], floats);
      const floats before = load(sums + j * LANES) * all(work->rows.rescale[row + i]);
      store(sums + j * LANES, multiply_add(levels, all(work->steps[row + i]), before));
    }
  }
}

INLINE void mean_rows(const Pass *pass, Work *work, size_t rows, size_t row, const uint8_t *values, size_t positions) {
  size_t channel = 0;
  for (; channel + TILE_VECTORS * LANES <= pass->head_dim; channel += TILE_VECTORS * LANES) {
    mean_tile(pass, work, rows, TILE_VECTORS, row, values, channel, positions);
  }
  for (; channel < pass->head_dim; channel += LANES) mean_tile(pass, work, rows, 1, row, values, channel, positions);
}

/* All rows through a block. */
static void attend_block(const Pass *pass, Work *work, const uint8_t *keys, const uint8_t *values) {
  const Rows *rows = &work->rows;
  for (size_t first = 0; first < rows->count; first += TILE_ROWS) {
    const size_t some = rows->count - first < TILE_ROWS ? rows->count - first : TILE_ROWS;
    const size_t vectors = (end_seen(rows, first, some) + LANES - 1) / LANES;
    if (vectors == 0) continue;
    score(pass, work, some, first, keys, vectors);
    find_largest(&work->rows, first, some, vectors);
    weigh_values(pass, work, first, some, values, vectors);
    for (size_t i = 0; i < some; i++) split_weights(work, first + i, vectors);
    size_t i = 0;
    for (; i + MEAN_ROWS <= some; i += MEAN_ROWS) mean_rows(pass, work, MEAN_ROWS, first + i, values, vectors * LANES);
    for (; i < some; i++) mean_rows(pass, work, 1, first + i, values, vectors * LANES);
  }
}

/* What a piece reads from the beginning of a block on, as far as it reads it at once. */
static Span span_at(const Pass *pass, Piece piece, size_t block) {
  const size_t wanted = last_position(pass, piece) + 1 - block, some = wanted < READ_AT_ONCE ? wanted : READ_AT_ONCE;
  const size_t at = block_at(pass, pass->slots[piece.first], piece.kv_head, block);
  return (Span){(const uint8_t *)pass->keys + at, (const uint8_t *)pass->values + at, (some + LANES - 1) / LANES * block_bytes(pass)};
}

static void attend(const Pass *pass, Piece piece, Piece next) {
  Work work;
  Span ahead = next.count == 0 ? (Span){0} : span_at(pass, next, first_block(pass, next));
  const size_t last = last_position(pass, piece), first = first_block(pass, piece);
  begin_rows(pass, piece, &work.rows);
  for (size_t row = 0; row < work.rows.count; row++) take_query(pass, &work, row, row_at(pass, piece, row));
  for (size_t block = first; block <= last; block += BLOCK) {
    const Span span = span_at(pass, piece, block);
    enter_block(pass, piece, &work.rows, block);
    if ((block - first) % READ_AT_ONCE == 0) touch(span);
    send_for(&ahead, (last - block) / BLOCK + 1);
    attend_block(pass, &work, span.keys, span.values);
  }
  end_rows(pass, piece, &work.rows);
}

const Way integers_way = {keep, prepare, attend};
