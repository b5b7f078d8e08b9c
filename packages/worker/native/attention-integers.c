/*
 * Keys and values in integers of 8 bits, with a scale for those of a position in a head that brings their largest magnitude to
 * 127.
 *
 * Scores do not change where keys and queries are multiplied by the same orthogonal matrix: a Hadamard matrix spreads what
 * stands out in one channel over many. Queries become integers too, with a scale a row. Weights, times the scales of values,
 * become integers of 16 bits, with a scale for a row and 128 positions, and are multiplied as two bytes.
 */

#include "attention-integers.h"
#include "attention-rotate.h"
#include "quantize.h"

/* Sums that are kept in registers: rows by vectors of positions, and rows by vectors of channels by two. */
#ifdef __AVX512F__
enum { TILE_ROWS = 6, TILE_VECTORS = 4, MEAN_ROWS = 3 };
#else
enum { TILE_ROWS = 2, TILE_VECTORS = 2, MEAN_ROWS = 1 };
#endif

/* Of base-2 exponents to one of e. */
#define LOG2_E 1.44269504f

/* Where the block lies that a position of a head in a slot is in. */
static size_t block_at(const Pass *pass, size_t slot, size_t kv_head, size_t position) {
  return (slot * pass->kv_heads + kv_head) * pass->capacity * row_bytes(pass) + position / LANES * block_bytes(pass);
}

/* Channels in one product with a Hadamard matrix: the largest power of two of them that a head is made of. */
INLINE size_t run_of(size_t head_dim) { return head_dim & -head_dim; }

/* ── Writing ─ */

/* Times a matrix of entries 1 and -1, which is orthogonal but for a factor, in runs of channels. */
INLINE void spread_all(size_t head_dim, floats *channels) {
  const size_t vectors = head_dim / LANES, run = run_of(head_dim) / LANES;
  for (size_t i = 0; i < vectors; i++) channels[i] = spread(channels[i]);
  for (size_t half = 1; half < run; half *= 2) {
    for (size_t i = 0; i < vectors; i++) {
      if (i & half) continue;
      const floats a = channels[i], b = channels[i + half];
      channels[i] = a + b;
      channels[i + half] = a - b;
    }
  }
}

INLINE floats largest_magnitudes(size_t head_dim, const floats *channels) {
  floats largest = magnitude(channels[0]);
  for (size_t i = 1; i < head_dim / LANES; i++) largest = larger(largest, magnitude(channels[i]));
  return largest;
}

/* The integer nearest to values times `inverse`, in the lower byte. */
INLINE integers level_of(floats values, float inverse) { return (integers)multiply_add(values, all(inverse), all(12582912.0f)); }

/* What a level of a head is worth, as far as its largest magnitude goes. */
INLINE float step_of(floats magnitudes) {
  const float largest = largest_of(magnitudes);
  return (largest > LARGEST_MIN ? largest : LARGEST_MIN) / LARGEST_QUANT;
}

/* Every fourth byte from `to` on becomes a level. Nobody else's bytes are written, not even with what they are. */
INLINE void store_apart(uint8_t *to, integers levels) {
#ifdef __AVX512BW__
  _mm512_mask_storeu_epi8(to, 0x1111111111111111, (__m512i)levels);
#else
  for (size_t i = 0; i < LANES; i++) to[i * QUAD] = levels[i];
#endif
}

/* `head_dim` is the pass's. */
INLINE void write_heads(const Pass *pass, size_t token, size_t head_dim) {
  const size_t position = pass->positions[token], slot = pass->slots[token], index = position % LANES;
  const float scale = scale_of(pass, token), *queries = pass->qkv + token * width_of(pass);
  const float *keys = queries + pass->heads * head_dim, *values = keys + pass->kv_heads * head_dim;
  Turn turn;
  floats channels[HEAD_DIM_MAX / LANES];
  turn_to(pass, &turn, position, scale);
  for (size_t head = 0; head < pass->heads; head++) {
    float *to = pass->attended + (token * pass->heads + head) * head_dim;
    rotate(pass, head_dim, &turn, queries + head * head_dim, channels);
    spread_all(head_dim, channels);
    for (size_t i = 0; i < head_dim; i += LANES) store(to + i, channels[i / LANES]);
  }
  for (size_t head = 0; head < pass->kv_heads; head++) {
    const size_t at = block_at(pass, slot, head, position);
    uint8_t *key_block = (uint8_t *)pass->keys + at, *value_block = (uint8_t *)pass->values + at;
    uint8_t *key = key_block + index * QUAD, *value = value_block + index / QUAD * QUAD * head_dim + index % QUAD;
    rotate(pass, head_dim, &turn, keys + head * head_dim, channels);
    spread_all(head_dim, channels);
    const float key_step = step_of(largest_magnitudes(head_dim, channels));
    scales_of(pass, key_block)[index] = key_step;
    for (size_t i = 0; i < head_dim; i += LANES) {
      const bytes levels = __builtin_convertvector(level_of(channels[i / LANES], 1 / key_step), bytes);
      for (size_t j = 0; j < LANES; j += QUAD) __builtin_memcpy(key + (i + j) * LANES, (const uint8_t *)&levels + j, QUAD);
    }
    for (size_t i = 0; i < head_dim; i += LANES) channels[i / LANES] = load(values + head * head_dim + i) * all(scale);
    const float value_step = step_of(largest_magnitudes(head_dim, channels));
    scales_of(pass, value_block)[index] = value_step;
    for (size_t i = 0; i < head_dim; i += LANES) store_apart(value + i * QUAD, level_of(channels[i / LANES], 1 / value_step));
  }
}

static void write(const Pass *pass, size_t token) {
  /* Heads of the usual sizes stay in registers. */
  if (pass->head_dim == 64) write_heads(pass, token, 64);
  else if (pass->head_dim == 128) write_heads(pass, token, 128);
  else write_heads(pass, token, pass->head_dim);
}

/* Queries of some rows from `first` on, LANES at most, become integers. */
static void take_queries(const Pass *pass, Piece piece, Work *work, size_t first, size_t some) {
  const size_t head_dim = pass->head_dim;
  float inverses[LANES];
  floats each[LANES];
  for (size_t i = 0; i < LANES; i++) each[i] = all(LARGEST_MIN);
  for (size_t i = 0; i < some; i++) {
    const float *query = row_at(pass, piece, first + i);
    for (size_t channel = 0; channel < head_dim; channel += LANES) each[i] = larger(each[i], magnitude(load(query + channel)));
  }
  const floats largest = largest_of_each(each);
  store(inverses, all(LARGEST_QUANT) / largest);
  /* Both sides of a score were multiplied by a matrix that is sqrt(run) times an orthogonal one. */
  const float share = LOG2_E / LARGEST_QUANT / run_of(head_dim) / __builtin_sqrtf(head_dim);
  store(work->query_scales + first, largest * all(share));
  for (size_t i = 0; i < some; i++) {
    const float *query = row_at(pass, piece, first + i);
    int8_t *levels = work->queries + (first + i) * head_dim;
    for (size_t channel = 0; channel < head_dim; channel += LANES) {
      *(loose_bytes *)(levels + channel) = __builtin_convertvector(level_of(load(query + channel), inverses[i]), bytes);
    }
  }
}

/* Vectors multiply keys as levels above 128: what that is too much is taken off. */
static void sum_queries(const Pass *pass, Work *work) {
  for (size_t row = 0; row < work->rows.count; row++) {
    int32_t sum = 0;
    for (size_t i = 0; i < pass->head_dim; i++) sum += work->queries[row * pass->head_dim + i];
    work->query_sums[row] = sum;
  }
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
    for (size_t j = 0; j < vectors; j++) sums[i][j] = (integers){0} - ZERO_POINT * work->query_sums[row + i];
  }
  for (size_t channel = 0; channel < head_dim; channel += QUAD) {
    quads line[TILE_VECTORS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) line[j] = load_quads(blocks + j * bytes + channel * LANES) ^ ZERO_POINT;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const quads quad = repeated(queries + i * head_dim + channel);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) sums[i][j] = add_products(sums[i][j], line[j], quad);
    }
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) work->scores[i][vector + j] = sums[i][j];
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

/* Some rows' weights by some vectors of channels; how many is known when this is compiled. */
INLINE void mean_tile(
    const Pass *pass, Work *work, size_t rows, size_t vectors, size_t first, size_t at, const uint8_t *values, size_t channel,
    size_t positions) {
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
      const quads high_quad = repeated(work->high[at + i] + position), low_quad = repeated(work->low[at + i] + position);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) {
        high[i][j] = add_products(high[i][j], high_quad, line[j]);
        low[i][j] = add_products(low[i][j], low_quad, line[j]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) add_means(pass, work, first + at + i, channel + j * LANES, high[i][j], low[i][j]);
  }
}

INLINE void mean_rows(const Pass *pass, Work *work, size_t rows, size_t first, size_t at, const uint8_t *values, size_t positions) {
  size_t channel = 0;
  for (; channel + TILE_VECTORS * LANES <= pass->head_dim; channel += TILE_VECTORS * LANES) {
    mean_tile(pass, work, rows, TILE_VECTORS, first, at, values, channel, positions);
  }
  for (; channel < pass->head_dim; channel += LANES) mean_tile(pass, work, rows, 1, first, at, values, channel, positions);
}

/* All rows through a block. */
static void attend_block(const Pass *pass, Work *work, const uint8_t *keys, const uint8_t *values) {
  const Rows *rows = &work->rows;
  for (size_t first = 0; first < rows->count; first += TILE_ROWS) {
    const size_t some = rows->count - first < TILE_ROWS ? rows->count - first : TILE_ROWS;
    const size_t vectors = vectors_seen(rows, first, some);
    if (vectors == 0) continue;
    score(pass, work, some, first, keys, vectors);
    weigh_scores(pass, work, first, some, keys, values, vectors);
    size_t i = 0;
    for (; i + MEAN_ROWS <= some; i += MEAN_ROWS) mean_rows(pass, work, MEAN_ROWS, first, i, values, vectors * LANES);
    for (; i < some; i++) mean_rows(pass, work, 1, first, i, values, vectors * LANES);
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
  for (size_t row = 0; row < work.rows.count; row += LANES) {
    take_queries(pass, piece, &work, row, work.rows.count - row < LANES ? work.rows.count - row : LANES);
  }
  const int in_tiles = attends_in_tiles(pass, work.rows.count);
  /* Many rows compute for longer than what they read takes to come. */
  const int waits = work.rows.count < ROWS_MAX / 2;
  if (in_tiles) begin_tiles();
  else sum_queries(pass, &work);
  for (size_t block = first; block <= last; block += BLOCK) {
    const Span span = span_at(pass, piece, block);
    enter_block(pass, piece, &work.rows, block);
    if (waits && (block - first) % READ_AT_ONCE == 0) touch(span);
    if (waits) send_for(&ahead, (last - block) / BLOCK + 1);
    if (in_tiles) attend_block_in_tiles(pass, &work, span.keys, span.values);
    else attend_block(pass, &work, span.keys, span.values);
  }
  if (in_tiles) end_tiles();
  end_rows(pass, piece, &work.rows);
}

const Way integers_way = {BLOCK, write, attend};
