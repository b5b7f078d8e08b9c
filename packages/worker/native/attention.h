#pragma once

/*
 * What ways of keeping keys and values have in common: the pass, the pieces it is shared out in, and softmax, block by block.
 */

#include "operator.h"
#include "vector.h"

enum { HEAD_DIM_MAX = 256 };
/* Rows of queries, over all heads that share keys, that go through a block together; a group has at most so many heads. */
enum { ROWS_MAX = 96 };

/* Beside a head's integers of a position: their scale, a float. */
enum { SCALE_BYTES = 4 };

#define CACHE_LINE 64
#define MASKED -3.0e38f

typedef struct Pass Pass;

/* Tokens of one slot that follow one another, and the heads that share keys `kv_head`. */
typedef struct {
  size_t first, count, kv_head;
} Piece;

/* A way of keeping keys and values in slots. */
typedef struct {
  /* Positions of a block. */
  size_t block;
  /* Puts a token's queries, rotated, into `attended` as `attend` takes them, and its keys and values into slots. */
  void (*write)(const Pass *pass, size_t token);
  /* From queries in `attended` to what each gets, which lies there then. `next` is the piece behind it; of no tokens: none. */
  void (*attend)(const Pass *pass, Piece piece, Piece next);
} Way;

extern const Way floats_way, integers_way;

struct Pass {
  const Way *way;
  const float *qkv, *scale, *cos, *sin;
  float *attended;
  void *keys, *values;
  /* Of floats in slots, whether they have 16 bits and not 32. */
  int is_short;
  const int32_t *slots, *positions;
  size_t tokens, heads, kv_heads, head_dim, capacity, window;
  int interleaved;
};

/* Floats of a token in qkv: those of queries, of keys and of values by head. */
INLINE size_t width_of(const Pass *pass) { return (pass->heads + 2 * pass->kv_heads) * pass->head_dim; }

INLINE float scale_of(const Pass *pass, size_t token) { return pass->scale == NULL ? 1 : pass->scale[token]; }

/* Rows of a piece: its tokens by its heads. */
typedef struct {
  size_t count;
  /* [rows, headDim] */
  float sums[ROWS_MAX * HEAD_DIM_MAX] __attribute__((aligned(CACHE_LINE)));
  float totals[ROWS_MAX][LANES];
  /* By row, with room for a vector that begins at the last one: the largest score, and by what all that was summed before is to be
   * multiplied. */
  float largest[ROWS_MAX + LANES], rescale[ROWS_MAX + LANES];
  /* Positions that a row attends to, within the block: from, and up to but not including. */
  int from[ROWS_MAX], end[ROWS_MAX];
} Rows;

/* Where the query of a row lies, and what it gets is to lie. */
INLINE float *row_at(const Pass *pass, Piece piece, size_t row) {
  const size_t group = pass->heads / pass->kv_heads;
  return pass->attended + ((piece.first + row / group) * pass->heads + piece.kv_head * group + row % group) * pass->head_dim;
}

INLINE size_t last_position(const Pass *pass, Piece piece) { return pass->positions[piece.first + piece.count - 1]; }

/* Nothing is seen yet. */
void begin_rows(const Pass *pass, Piece piece, Rows *rows);

/* Where the first block begins that any row sees. */
size_t first_block(const Pass *pass, Piece piece);

/* Goes on to the block that begins at a position. */
void enter_block(const Pass *pass, Piece piece, Rows *rows, size_t block);

/* Where in the block the last position ends that any of `some` rows from `first` on attends to; 0: none does. */
size_t end_seen(const Rows *rows, size_t first, size_t some);

/* Sums become means. */
void end_rows(const Pass *pass, Piece piece, const Rows *rows);

/* Positions that are read at once; they fit into the second level of caches. */
enum { READ_AT_ONCE = 512 };

/* Keys and values that lie one behind the other, as many bytes of each. */
typedef struct {
  const uint8_t *keys, *values;
  size_t bytes;
} Span;

/*
 * Reads them from end to end, so that they are at hand. By loads that nothing else comes between: where stores do, or in another
 * order, it takes twice as long.
 */
INLINE void touch(Span span) {
  for (size_t i = 0; i < span.bytes; i += CACHE_LINE) (void)*((const volatile uint8_t *)span.keys + i);
  for (size_t i = 0; i < span.bytes; i += CACHE_LINE) (void)*((const volatile uint8_t *)span.values + i);
}

/* Sends for the first of so many parts, which come while something is computed, and leaves the others. */
INLINE void send_for(Span *span, size_t parts) {
  const size_t bytes = (span->bytes / parts + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  for (size_t i = 0; i < bytes; i += CACHE_LINE) {
    __builtin_prefetch(span->keys + i, 0, 2);
    __builtin_prefetch(span->values + i, 0, 2);
  }
  const size_t left = span->bytes > bytes ? span->bytes - bytes : 0;
  *span = (Span){span->keys + bytes, span->values + bytes, left};
}
