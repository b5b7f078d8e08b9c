/*
 * Keys and values in floats of 32 or 16 bits.
 *
 *   keys, values [slots, kvHeads, positions, headDim]
 *
 * A block of keys is turned, so that scores come in vectors of positions.
 */

#include "attention.h"
#include "attention-rotate.h"

enum { BLOCK = 64 };

/* Sums that are kept in registers: rows by vectors. */
#ifdef __AVX512F__
enum { TILE_ROWS = 6, TILE_VECTORS = 4 };
#else
enum { TILE_ROWS = 4, TILE_VECTORS = 1 };
#endif

/* What one thread needs for a piece. */
typedef struct {
  Rows rows;
  /* Of rows, in a block: scores, then weights. */
  float weights[ROWS_MAX][BLOCK] __attribute__((aligned(CACHE_LINE)));
  /* [rows, headDim] */
  float queries[ROWS_MAX * HEAD_DIM_MAX] __attribute__((aligned(CACHE_LINE)));
  /* [headDim, BLOCK]: keys of the block, turned. */
  float keys[HEAD_DIM_MAX * BLOCK] __attribute__((aligned(CACHE_LINE)));
  /* [BLOCK, headDim]: values of the block, where they lie or, where they are kept in 16 bits, behind it. */
  const float *values;
  float long_values[BLOCK * HEAD_DIM_MAX] __attribute__((aligned(CACHE_LINE)));
} Work;

/* Where the keys or values of a head in a slot begin. */
static size_t head_at(const Pass *pass, size_t slot, size_t head) {
  return (slot * pass->kv_heads + head) * pass->capacity * pass->head_dim;
}

INLINE void put(const Pass *pass, void *slots, size_t at, floats values) {
  if (pass->is_short) store_short((_Float16 *)slots + at, values);
  else store((float *)slots + at, values);
}

INLINE floats get(const Pass *pass, const void *slots, size_t at) {
  return pass->is_short ? load_short((const _Float16 *)slots + at) : load((const float *)slots + at);
}

static void write(const Pass *pass, size_t token) {
  const size_t head_dim = pass->head_dim, position = pass->positions[token], slot = pass->slots[token];
  const float scale = scale_of(pass, token), *queries = pass->qkv + token * width_of(pass);
  const float *keys = queries + pass->heads * head_dim, *values = keys + pass->kv_heads * head_dim;
  Turn turn;
  floats rotated[HEAD_DIM_MAX / LANES];
  turn_to(pass, &turn, position, scale / __builtin_sqrtf(head_dim));
  for (size_t head = 0; head < pass->heads; head++) {
    float *to = pass->attended + (token * pass->heads + head) * head_dim;
    rotate(pass, head_dim, &turn, queries + head * head_dim, rotated);
    for (size_t i = 0; i < head_dim; i += LANES) store(to + i, rotated[i / LANES]);
  }
  turn_to(pass, &turn, position, scale);
  for (size_t head = 0; head < pass->kv_heads; head++) {
    const size_t at = head_at(pass, slot, head) + position * head_dim;
    rotate(pass, head_dim, &turn, keys + head * head_dim, rotated);
    for (size_t i = 0; i < head_dim; i += LANES) {
      put(pass, pass->keys, at + i, rotated[i / LANES]);
      put(pass, pass->values, at + i, load(values + head * head_dim + i) * all(scale));
    }
  }
}

/* ── One block ─ */

/* 16 rows of 16 become 16 columns of 16. What was in `a` is not there any more. */
INLINE void transpose(floats *a, float *to, size_t stride) {
  floats b[LANES];
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES; i++) {
    if (i & 2) continue;
    a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    a[i + 2] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES; i++) {
    if (i & 4) continue;
    b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES / 2; i++) {
    a[i] = __builtin_shufflevector(b[i], b[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    a[i + 8] = __builtin_shufflevector(b[i], b[i + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
  for (int i = 0; i < LANES; i++) store(to + i * stride, a[i]);
}

/* What a piece reads from a position on, as far as it reads it at once. */
static Span span_at(const Pass *pass, Piece piece, size_t position) {
  const size_t wanted = last_position(pass, piece) + 1 - position, some = wanted < READ_AT_ONCE ? wanted : READ_AT_ONCE;
  const size_t row_bytes = pass->head_dim * (pass->is_short ? sizeof(_Float16) : sizeof(float));
  const size_t at = (head_at(pass, pass->slots[piece.first], piece.kv_head) / pass->head_dim + position) * row_bytes;
  return (Span){(const uint8_t *)pass->keys + at, (const uint8_t *)pass->values + at, some * row_bytes};
}

/*
 * Brings a block of keys and values here, as floats. Keys are turned: vectors of positions, as scores want them. Positions
 * behind `count` are zeros up to the next vector.
 */
static void fetch(const Pass *pass, Work *work, size_t at, size_t count) {
  const size_t head_dim = pass->head_dim;
  for (size_t position = 0; position < count; position += LANES) {
    const size_t some = count - position < LANES ? count - position : LANES, from = at + position * head_dim;
    for (size_t channel = 0; channel < head_dim; channel += LANES) {
      floats rows[LANES];
      if (some == LANES) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < LANES; i++) rows[i] = get(pass, pass->keys, from + i * head_dim + channel);
      } else {
        for (size_t i = 0; i < LANES; i++) rows[i] = i < some ? get(pass, pass->keys, from + i * head_dim + channel) : all(0);
      }
      transpose(rows, work->keys + channel * BLOCK + position, BLOCK);
    }
  }
  work->values = pass->is_short ? work->long_values : (const float *)pass->values + at;
  if (!pass->is_short) return;
  for (size_t i = 0; i < count * head_dim; i += LANES) store(work->long_values + i, get(pass, pass->values, at + i));
}

/* sums[row][vector] += factors[row][i] × matrix[i][vector], over i in order; rows and vectors are known when this is compiled. */
INLINE void multiply_tile(
    size_t rows, size_t vectors, float *sums, size_t sum_stride, const float *factors, size_t factor_stride,
    const float *matrix, size_t matrix_stride, size_t length) {
  floats tile[TILE_ROWS][TILE_VECTORS];
#pragma clang loop unroll(full)
  for (size_t row = 0; row < rows; row++) {
#pragma clang loop unroll(full)
    for (size_t vector = 0; vector < vectors; vector++) tile[row][vector] = load(sums + row * sum_stride + vector * LANES);
  }
  for (size_t i = 0; i < length; i++) {
    floats line[TILE_VECTORS];
#pragma clang loop unroll(full)
    for (size_t vector = 0; vector < vectors; vector++) line[vector] = load(matrix + i * matrix_stride + vector * LANES);
#pragma clang loop unroll(full)
    for (size_t row = 0; row < rows; row++) {
      const floats factor = all(factors[row * factor_stride + i]);
#pragma clang loop unroll(full)
      for (size_t vector = 0; vector < vectors; vector++) {
        tile[row][vector] = multiply_add(line[vector], factor, tile[row][vector]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (size_t row = 0; row < rows; row++) {
#pragma clang loop unroll(full)
    for (size_t vector = 0; vector < vectors; vector++) store(sums + row * sum_stride + vector * LANES, tile[row][vector]);
  }
}

INLINE void multiply_rows(
    size_t rows, size_t vectors, float *sums, size_t sum_stride, const float *factors, size_t factor_stride,
    const float *matrix, size_t matrix_stride, size_t length) {
  size_t vector = 0;
  for (; vector + TILE_VECTORS <= vectors; vector += TILE_VECTORS) {
    const size_t at = vector * LANES;
    multiply_tile(rows, TILE_VECTORS, sums + at, sum_stride, factors, factor_stride, matrix + at, matrix_stride, length);
  }
  for (; vector < vectors; vector++) {
    const size_t at = vector * LANES;
    multiply_tile(rows, 1, sums + at, sum_stride, factors, factor_stride, matrix + at, matrix_stride, length);
  }
}

/* sums [rows, vectors of 16] += factors [rows, length] × matrix [length, vectors of 16]; at most TILE_ROWS rows. */
static void multiply(
    size_t rows, size_t vectors, float *sums, size_t sum_stride, const float *factors, size_t factor_stride,
    const float *matrix, size_t matrix_stride, size_t length) {
#define ROWS(count) \
  case count: multiply_rows(count, vectors, sums, sum_stride, factors, factor_stride, matrix, matrix_stride, length); break;
  switch (rows) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4)
#if __AVX512F__
    ROWS(5) ROWS(6)
#endif
  }
#undef ROWS
}

/*
 * The largest score of each of some rows, LANES at most, becomes known, and `rescale`. Scores of what is masked, which may be
 * anything, become MASKED.
 */
static void find_largest(Work *work, size_t first, size_t some, size_t vectors) {
  Rows *rows = &work->rows;
  floats each[LANES];
  for (size_t i = 0; i < LANES; i++) each[i] = all(MASKED);
  for (size_t row = first; row < first + some; row++) {
    float *scores = work->weights[row];
    const int from = rows->from[row], end = rows->end[row];
    if (from > 0 || end < (int)(vectors * LANES)) {
      const integers lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      for (size_t vector = 0; vector < vectors; vector++) {
        const integers position = lanes + (int)(vector * LANES);
        const integers is_seen = (position >= from) & (position < end);
        store(scores + vector * LANES, choose(is_seen, load(scores + vector * LANES), all(MASKED)));
      }
    }
    floats largest = load(scores);
    for (size_t vector = 1; vector < vectors; vector++) largest = larger(largest, load(scores + vector * LANES));
    each[row - first] = largest;
  }
  /* Those of rows behind these stay as they are. */
  const floats before = load(rows->largest + first), largest = larger(before, largest_of_each(each));
  store(rows->largest + first, largest);
  store(rows->rescale + first, exponential(before - largest));
}

/* Scores of a row become weights, which are 0 where it is masked. */
static void weigh(Work *work, size_t row, size_t vectors) {
  Rows *rows = &work->rows;
  float *weights = work->weights[row];
  floats total = load(rows->totals[row]) * all(rows->rescale[row]);
  /* A row whose window begins behind this block has seen nothing yet: nothing has weight. */
  const floats base = all(rows->largest[row] > MASKED ? rows->largest[row] : 0);
  for (size_t vector = 0; vector < vectors; vector++) {
    const floats weight = exponential(load(weights + vector * LANES) - base);
    store(weights + vector * LANES, weight);
    total += weight;
  }
  store(rows->totals[row], total);
}

/* All rows through the block that was fetched. */
static void attend_block(const Pass *pass, Work *work) {
  Rows *rows = &work->rows;
  const size_t head_dim = pass->head_dim;
  for (size_t first = 0; first < rows->count; first += TILE_ROWS) {
    const size_t some = rows->count - first < TILE_ROWS ? rows->count - first : TILE_ROWS;
    const size_t end = end_seen(rows, first, some), vectors = (end + LANES - 1) / LANES;
    if (end == 0) continue;
    for (size_t row = first; row < first + some; row++) {
      for (size_t vector = 0; vector < vectors; vector++) store(work->weights[row] + vector * LANES, all(0));
    }
    multiply(some, vectors, work->weights[first], BLOCK, work->queries + first * head_dim, head_dim, work->keys, BLOCK, head_dim);
    find_largest(work, first, some, vectors);
    for (size_t row = first; row < first + some; row++) {
      const float rescale = rows->rescale[row];
      weigh(work, row, vectors);
      if (rescale == 1) continue;
      float *sums = rows->sums + row * head_dim;
      for (size_t i = 0; i < head_dim; i += LANES) store(sums + i, load(sums + i) * all(rescale));
    }
    multiply(some, head_dim / LANES, rows->sums + first * head_dim, head_dim, work->weights[first], BLOCK, work->values, head_dim, end);
  }
}

static void attend(const Pass *pass, Piece piece, Piece next) {
  Work work;
  Span ahead = next.count == 0 ? (Span){0} : span_at(pass, next, first_block(pass, next));
  const size_t head_dim = pass->head_dim, last = last_position(pass, piece), first = first_block(pass, piece);
  const size_t at = head_at(pass, pass->slots[piece.first], piece.kv_head);
  begin_rows(pass, piece, &work.rows);
  for (size_t row = 0; row < work.rows.count; row++) {
    const float *query = row_at(pass, piece, row);
    for (size_t i = 0; i < head_dim; i += LANES) store(work.queries + row * head_dim + i, load(query + i));
  }
  for (size_t block = first; block <= last; block += BLOCK) {
    const size_t wanted = last + 1 - block;
    enter_block(pass, piece, &work.rows, block);
    if ((block - first) % READ_AT_ONCE == 0) touch(span_at(pass, piece, block));
    send_for(&ahead, (last - block) / BLOCK + 1);
    fetch(pass, &work, at + block * head_dim, wanted > BLOCK ? BLOCK : wanted);
    attend_block(pass, &work);
  }
  end_rows(pass, piece, &work.rows);
}

const Way floats_way = {BLOCK, write, attend};
