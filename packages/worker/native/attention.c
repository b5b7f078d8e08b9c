/*
 * Attention of all tokens of a pass, whichever sequences they are of, over keys and values in slots (Dao et al. 2022: softmax
 * block by block, never a whole row of scores).
 *
 *   qkv [tokens, heads + 2 kvHeads] ─ rotate ─┬─ keys, values ─▶ slots [slot, kvHead, position, headDim], in 32 or 16 bits
 *                                             └─ queries ─▶ for every block of 64 positions: scores, softmax, values
 *
 * First every token's keys and values are written, then all tokens attend. What is computed for a token is the same whatever
 * else is in the pass and whether it comes alone or in a chunk: blocks begin at multiples of 64, every sum runs over
 * channels, then over positions, in order, and what is masked adds zeros.
 */

#include "operator.h"
#include "vector.h"

/* Positions of a block. */
enum { BLOCK = 64 };
enum { HEAD_DIM_MAX = 256 };
/* Rows of queries, over all heads that share keys, that go through a block together; a group has at most so many heads. */
enum { ROWS_MAX = 96 };

/* Sums that are kept in registers: rows by vectors. */
#ifdef __AVX512F__
enum { TILE_ROWS = 6, TILE_VECTORS = 4 };
#else
enum { TILE_ROWS = 4, TILE_VECTORS = 1 };
#endif

#define MASKED -3.0e38f

typedef struct {
  const float *qkv, *scale, *cos, *sin;
  float *attended;
  /* Slots, of floats of 32 or 16 bits. */
  void *keys, *values;
  int is_short;
  const int32_t *slots, *positions;
  size_t tokens, heads, kv_heads, head_dim, capacity, window;
  int interleaved;
} Pass;

static size_t width_of(const Pass *pass) { return (pass->heads + 2 * pass->kv_heads) * pass->head_dim; }

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

/* ── Rotating and writing ─ */

/* Rotates one head's channels by the token's position (Su et al. 2021), and multiplies them. */
static void rotate(const Pass *pass, const float *from, float *to, size_t position, float factor) {
  const size_t half = pass->head_dim / 2;
  const float *cos = pass->cos + position * half, *sin = pass->sin + position * half;
  const floats scale = all(factor), signs = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
  if (pass->interleaved) {
    for (size_t i = 0; i < pass->head_dim; i += LANES) {
      const floats pairs = load(from + i) * scale;
      const floats turned = ones_swapped(pairs) * signs * load_twice(sin + i / 2);
      store(to + i, multiply_add(pairs, load_twice(cos + i / 2), turned));
    }
    return;
  }
  for (size_t i = 0; i < half; i++) {
    const float a = from[i] * factor, b = from[i + half] * factor;
    to[i] = __builtin_fmaf(a, cos[i], -b * sin[i]);
    to[i + half] = __builtin_fmaf(b, cos[i], a * sin[i]);
  }
}

/* Tokens that a thread takes at once. */
enum { TOKENS_AT_ONCE = 8 };

static void write_token(const Pass *pass, size_t token) {
  const size_t head_dim = pass->head_dim, position = pass->positions[token], slot = pass->slots[token];
  const float scale = pass->scale == NULL ? 1 : pass->scale[token];
  const float *queries = pass->qkv + token * width_of(pass);
  const float *keys = queries + pass->heads * head_dim, *values = keys + pass->kv_heads * head_dim;
  const float query_scale = scale / __builtin_sqrtf(head_dim);
  for (size_t head = 0; head < pass->heads; head++) {
    float *query = pass->attended + (token * pass->heads + head) * head_dim;
    rotate(pass, queries + head * head_dim, query, position, query_scale);
  }
  for (size_t head = 0; head < pass->kv_heads; head++) {
    const size_t at = head_at(pass, slot, head) + position * head_dim;
    float rotated[HEAD_DIM_MAX];
    rotate(pass, keys + head * head_dim, rotated, position, scale);
    for (size_t i = 0; i < head_dim; i += LANES) {
      put(pass, pass->keys, at + i, load(rotated + i));
      put(pass, pass->values, at + i, load(values + head * head_dim + i) * all(scale));
    }
  }
}

static void write_tokens(void *state, size_t index) {
  const Pass *pass = state;
  const size_t end = (index + 1) * TOKENS_AT_ONCE;
  for (size_t token = index * TOKENS_AT_ONCE; token < end && token < pass->tokens; token++) write_token(pass, token);
}

/* ── One block ─ */

/* What one thread needs for some tokens of a slot and the heads that share keys; rows are tokens by heads. */
typedef struct {
  /* [rows, headDim] */
  float queries[ROWS_MAX * HEAD_DIM_MAX], sums[ROWS_MAX * HEAD_DIM_MAX];
  /* Scores, then weights. */
  float weights[ROWS_MAX][BLOCK];
  float largest[ROWS_MAX], totals[ROWS_MAX][LANES];
  /* Of the rows of a tile. */
  float rescale[LANES];
  /* Positions that a row attends to, within the block: from, and up to but not including. */
  int from[ROWS_MAX], end[ROWS_MAX];
  /* [headDim, BLOCK]: keys of the block, turned. */
  float keys[HEAD_DIM_MAX * BLOCK];
  /* [BLOCK, headDim]: values of the block, where they lie or, where they are kept in 16 bits, behind it. */
  const float *values;
  float long_values[BLOCK * HEAD_DIM_MAX];
} Work;

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

/*
 * Reads memory from end to end, so that it is at hand. By loads that nothing else comes between: where stores do, or in another
 * order, it takes twice as long, and prefetches are dropped where an address is not known yet.
 */
static void touch(const void *memory, size_t bytes) {
  enum { LINE = 64 };
  for (size_t i = 0; i < bytes; i += LINE) (void)*((const volatile uint8_t *)memory + i);
}

/* Blocks that are touched at once; they fit into the second level of caches. */
enum { TOUCHED_BLOCKS = 8 };

static void touch_blocks(const Pass *pass, size_t at, size_t wanted) {
  const size_t bytes = pass->is_short ? sizeof(_Float16) : sizeof(float);
  const size_t most = TOUCHED_BLOCKS * BLOCK, length = (wanted < most ? wanted : most) * pass->head_dim * bytes;
  touch((const char *)pass->keys + at * bytes, length);
  touch((const char *)pass->values + at * bytes, length);
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

/* The largest score of each row becomes known, and by what everything that was summed before is to be multiplied. */
static void find_largest(Work *work, size_t first, size_t some, size_t vectors) {
  float change[LANES] = {0};
  for (size_t row = first; row < first + some; row++) {
    float *scores = work->weights[row];
    const int from = work->from[row], end = work->end[row];
    floats largest = all(MASKED);
    if (from > 0 || end < (int)(vectors * LANES)) {
      const integers lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      for (size_t vector = 0; vector < vectors; vector++) {
        const integers position = lanes + (int)(vector * LANES);
        const integers is_seen = (position >= from) & (position < end);
        store(scores + vector * LANES, choose(is_seen, load(scores + vector * LANES), all(MASKED)));
      }
    }
    for (size_t vector = 0; vector < vectors; vector++) largest = larger(largest, load(scores + vector * LANES));
    const float before = work->largest[row], now = largest_of(largest);
    work->largest[row] = now > before ? now : before;
    change[row - first] = before - work->largest[row];
  }
  store(work->rescale, exponential(load(change)));
}

/* Scores of a row become weights. */
static void weigh(Work *work, size_t row, float rescale, size_t vectors) {
  float *weights = work->weights[row];
  floats total = load(work->totals[row]) * all(rescale);
  /* A row whose window begins behind this block has seen nothing yet: nothing has weight. */
  const floats largest = all(work->largest[row] > MASKED ? work->largest[row] : 0);
  for (size_t vector = 0; vector < vectors; vector++) {
    const floats weight = exponential(load(weights + vector * LANES) - largest);
    store(weights + vector * LANES, weight);
    total += weight;
  }
  store(work->totals[row], total);
}

/* All rows through the block that was fetched. */
static void attend_block(Work *work, size_t rows, size_t head_dim) {
  for (size_t first = 0; first < rows; first += TILE_ROWS) {
    const size_t some = rows - first < TILE_ROWS ? rows - first : TILE_ROWS;
    int end = 0;
    for (size_t row = first; row < first + some; row++) end = work->end[row] > end ? work->end[row] : end;
    if (end <= 0) continue;
    const size_t vectors = (end + LANES - 1) / LANES;
    for (size_t row = first; row < first + some; row++) {
      for (size_t vector = 0; vector < vectors; vector++) store(work->weights[row] + vector * LANES, all(0));
    }
    multiply(some, vectors, work->weights[first], BLOCK, work->queries + first * head_dim, head_dim, work->keys, BLOCK, head_dim);
    find_largest(work, first, some, vectors);
    for (size_t row = first; row < first + some; row++) {
      const float rescale = work->rescale[row - first];
      weigh(work, row, rescale, vectors);
      if (rescale == 1) continue;
      float *sums = work->sums + row * head_dim;
      for (size_t i = 0; i < head_dim; i += LANES) store(sums + i, load(sums + i) * all(rescale));
    }
    multiply(some, head_dim / LANES, work->sums + first * head_dim, head_dim, work->weights[first], BLOCK, work->values, head_dim, end);
  }
}

/* ── Sharing out ─ */

/* A pass in pieces: so many tokens of a run at most, and of the heads those that share keys. */
typedef struct {
  const Pass *pass;
  size_t tokens_at_once;
} Plan;

/* Tokens `first` to `first + count - 1`, of one slot, and the heads that share keys `kv_head`. */
static void attend(const Pass *pass, size_t first, size_t count, size_t kv_head) {
  Work work;
  const size_t group = pass->heads / pass->kv_heads, head_dim = pass->head_dim, rows = count * group;
  const size_t at = head_at(pass, pass->slots[first], kv_head);
  const size_t last = pass->positions[first + count - 1];
  for (size_t row = 0; row < rows; row++) {
    const float *query = pass->attended + ((first + row / group) * pass->heads + kv_head * group + row % group) * head_dim;
    for (size_t i = 0; i < head_dim; i += LANES) {
      store(work.queries + row * head_dim + i, load(query + i));
      store(work.sums + row * head_dim + i, all(0));
    }
    work.largest[row] = MASKED;
    store(work.totals[row], all(0));
  }
  const size_t earliest = pass->positions[first] + 1;
  const size_t begin = pass->window == 0 || earliest <= pass->window ? 0 : (earliest - pass->window) / BLOCK * BLOCK;
  for (size_t block = begin; block <= last; block += BLOCK) {
    for (size_t row = 0; row < rows; row++) {
      const int position = pass->positions[first + row / group];
      const int end = position + 1 - (int)block, from = pass->window == 0 ? 0 : end - (int)pass->window;
      work.end[row] = end > BLOCK ? BLOCK : end;
      work.from[row] = from;
    }
    const size_t wanted = last + 1 - block;
    if ((block - begin) % (TOUCHED_BLOCKS * BLOCK) == 0) touch_blocks(pass, at + block * head_dim, wanted);
    fetch(pass, &work, at + block * head_dim, wanted > BLOCK ? BLOCK : wanted);
    attend_block(&work, rows, head_dim);
  }
  for (size_t row = 0; row < rows; row++) {
    float *to = pass->attended + ((first + row / group) * pass->heads + kv_head * group + row % group) * head_dim;
    const floats inverse = all(1 / sum_of(load(work.totals[row])));
    for (size_t i = 0; i < head_dim; i += LANES) store(to + i, load(work.sums + row * head_dim + i) * inverse);
  }
}

static int follows(const Pass *pass, size_t token) {
  return pass->slots[token] == pass->slots[token - 1] && pass->positions[token] == pass->positions[token - 1] + 1;
}

/* The token behind the piece that begins with `first`: tokens of a slot that follow one another, `at_once` at most. */
static size_t piece_end(const Pass *pass, size_t first, size_t at_once) {
  size_t end = first + 1;
  while (end < pass->tokens && end - first < at_once && follows(pass, end)) end++;
  return end;
}

static void attend_piece(void *state, size_t index) {
  const Plan *plan = state;
  const Pass *pass = plan->pass;
  size_t first = 0;
  for (size_t piece = index / pass->kv_heads; piece > 0; piece--) first = piece_end(pass, first, plan->tokens_at_once);
  attend(pass, first, piece_end(pass, first, plan->tokens_at_once) - first, index % pass->kv_heads);
}

static void compute_attention(Call *call) {
  const Tensor qkv = input_of(call, 0, 2), keys = input_of(call, 2, 4), values = input_of(call, 3, 4), cos = input_of(call, 6, 2);
  const size_t heads = call->integers[0], kv_heads = call->integers[1], capacity = keys.lengths[2];
  const size_t head_dim = keys.lengths[3], tokens = qkv.lengths[0];
  const Pass pass = {
      .qkv = qkv.data,
      .scale = input_of(call, 1, 2).data,
      .keys = keys.data,
      .values = values.data,
      .is_short = keys.type == SHORT_FLOATS,
      .slots = input_of(call, 4, 1).data,
      .positions = input_of(call, 5, 1).data,
      .cos = cos.data,
      .sin = input_of(call, 7, 2).data,
      .attended = output_of(call, 0, (int64_t[]){tokens, heads * head_dim}, 2),
      .tokens = tokens,
      .heads = heads,
      .kv_heads = kv_heads,
      .head_dim = head_dim,
      .capacity = capacity,
      .interleaved = call->integers[2] != 0,
      .window = call->integers[3],
  };
  if (call->failure != NULL || tokens == 0) return;
  require(call, kv_heads > 0 && heads % kv_heads == 0, "Attention: heads must be a multiple of kv_heads");
  require(call, heads / kv_heads <= ROWS_MAX, "Attention: at most 96 heads may share keys");
  require(call, head_dim % LANES == 0 && head_dim <= HEAD_DIM_MAX, "Attention: head dimension must be a multiple of 16, at most 256");
  require(call, keys.type == FLOATS || keys.type == SHORT_FLOATS, "Attention: keys must be floats of 32 or 16 bits");
  require(call, values.type == keys.type, "Attention: keys and values must be of one type");
  require(call, (size_t)qkv.lengths[1] == width_of(&pass), "Attention: qkv has another width than heads and kv_heads say");
  require(call, (size_t)cos.lengths[0] >= capacity, "Attention: rotary tables are shorter than slots");
  for (size_t token = 0; token < tokens && call->failure == NULL; token++) {
    require(call, pass.slots[token] >= 0 && pass.slots[token] < keys.lengths[0], "Attention: there is no such slot");
    require(call, pass.positions[token] >= 0 && (size_t)pass.positions[token] < capacity, "Attention: a position is behind the slot's end");
  }
  if (call->failure != NULL) return;
  in_parallel(call, write_tokens, (tokens + TOKENS_AT_ONCE - 1) / TOKENS_AT_ONCE, (void *)&pass);
  Plan plan = {&pass, ROWS_MAX * kv_heads / heads};
  size_t pieces = 0;
  for (size_t first = 0; first < tokens; first = piece_end(&pass, first, plan.tokens_at_once)) pieces++;
  in_parallel(call, attend_piece, pieces * kv_heads, &plan);
}

Operator attention = {
    .name = "Attention",
    .inputs = {FLOATS, -FLOATS, ANY, ANY, INTEGERS, INTEGERS, FLOATS, FLOATS},
    .outputs = {FLOATS},
    .integers = {"heads", "kv_heads", "interleaved", "window"},
    .compute = compute_attention,
};
