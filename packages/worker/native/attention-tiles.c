/*
 * Attention to integers in tiles: 16 rows go through a block together. Tiles multiply while vectors do everything else: the scores
 * of the next rows while these are weighed, and the next channels' means while those of the ones before are added.
 */

#include "attention-integers.h"
#include "tiles.h"

#ifndef __AMX_INT8__

int attends_in_tiles(const Pass *pass, size_t rows) { return 0; }
void attend_block_in_tiles(const Pass *pass, Work *work, const uint8_t *keys, const uint8_t *values) {}
void begin_tiles(void) {}
void end_tiles(void) {}

#else

/* Fewer rows take longer in tiles than in vectors. */
enum { ROWS_MIN = 12 };

int attends_in_tiles(const Pass *pass, size_t rows) {
  return has_tiles && rows >= ROWS_MIN && pass->head_dim % TILE_BYTES == 0;
}

void begin_tiles(void) { open_tiles(TILE); }
void end_tiles(void) { close_tiles(); }

/* What tiles are used as where weights are multiplied, beside two of sums and those of columns. */
enum { HIGH = 2, SECOND_HIGH, LOW, SECOND_LOW };
/* Half a block is what a tile multiplies at once. */
enum { HALF_VECTORS = VECTORS / 2, HALF = BLOCK / 2 };

/* Sums of products of both bytes of weights with 16 channels. */
typedef integers ByteSums[2][TILE];

/* A block, and what is on its way through it. */
typedef struct {
  const Pass *pass;
  Work *work;
  const uint8_t *keys, *values;
  /* [32 quads of positions, headDim, 4]: its values in one piece. Those of positions that nobody sees are whatever is there. */
  int8_t lines[BLOCK * HEAD_DIM_MAX] __attribute__((aligned(CACHE_LINE)));
  /* Sums that are not added to means yet: rows, and the channel that they begin with. */
  ByteSums sums[2];
  size_t now, row, rows, channel;
} Course;

/* ── Scores ─ */

#define MULTIPLY_KEYS(vector) \
  if (first + vector < vectors) { \
    _tile_loadd(FIRST_COLUMNS + vector % 2, keys + vector * bytes + channel * LANES, TILE_BYTES); \
    _tile_dpbssd(SUMS + vector, FIRST_ROWS, FIRST_COLUMNS + vector % 2); \
  }

/* Products of queries from a row on with half a block, from vector `first` on, of which there are so many. */
INLINE void begin_scores(const Course *course, size_t row, size_t first, size_t vectors) {
  const size_t head_dim = course->pass->head_dim, bytes = block_bytes(course->pass);
  const uint8_t *keys = course->keys + first * bytes;
  _tile_zero(SUMS), _tile_zero(SUMS + 1), _tile_zero(SUMS + 2), _tile_zero(SUMS + 3);
  for (size_t channel = 0; channel < head_dim; channel += TILE_BYTES) {
    _tile_loadd(FIRST_ROWS, course->work->queries + row * head_dim + channel, head_dim);
    MULTIPLY_KEYS(0) MULTIPLY_KEYS(1) MULTIPLY_KEYS(2) MULTIPLY_KEYS(3)
  }
}

INLINE void end_scores(const Course *course, size_t first) {
  integers *scores = course->work->scores[0] + first;
  _tile_stored(SUMS, scores, VECTORS * TILE_BYTES);
  _tile_stored(SUMS + 1, scores + 1, VECTORS * TILE_BYTES);
  _tile_stored(SUMS + 2, scores + 2, VECTORS * TILE_BYTES);
  _tile_stored(SUMS + 3, scores + 3, VECTORS * TILE_BYTES);
}

/* ── Means ─ */

static void gather_values(Course *course, size_t vectors) {
  const size_t bytes = LANES * course->pass->head_dim;
  for (size_t vector = 0; vector < vectors; vector++) {
    __builtin_memcpy(course->lines + vector * bytes, course->values + vector * block_bytes(course->pass), bytes);
  }
}

/* What was multiplied before goes into means. */
INLINE void put_means(Course *course) {
  const ByteSums *sums = &course->sums[!course->now];
  for (size_t i = 0; i < course->rows; i++) {
    add_means(course->pass, course->work, course->row + i, course->channel, (*sums)[0][i], (*sums)[1][i]);
  }
  course->rows = 0;
}

/* Weights of rows from `row` on by so many vectors of values. */
INLINE void multiply_values(Course *course, size_t row, size_t rows, size_t vectors) {
  const size_t head_dim = course->pass->head_dim;
  _tile_loadd(HIGH, course->work->high, BLOCK);
  _tile_loadd(LOW, course->work->low, BLOCK);
  if (vectors > HALF_VECTORS) {
    _tile_loadd(SECOND_HIGH, course->work->high[0] + HALF, BLOCK);
    _tile_loadd(SECOND_LOW, course->work->low[0] + HALF, BLOCK);
  }
  for (size_t channel = 0; channel < head_dim; channel += LANES) {
    ByteSums *sums = &course->sums[course->now];
    _tile_zero(SUMS), _tile_zero(SUMS + 1);
    _tile_loadd(FIRST_COLUMNS, course->lines + channel * QUAD, QUAD * head_dim);
    _tile_dpbusd(SUMS, HIGH, FIRST_COLUMNS);
    _tile_dpbusd(SUMS + 1, LOW, FIRST_COLUMNS);
    if (vectors > HALF_VECTORS) {
      _tile_loadd(SECOND_COLUMNS, course->lines + HALF * head_dim + channel * QUAD, QUAD * head_dim);
      _tile_dpbusd(SUMS, SECOND_HIGH, SECOND_COLUMNS);
      _tile_dpbusd(SUMS + 1, SECOND_LOW, SECOND_COLUMNS);
    }
    put_means(course);
    _tile_stored(SUMS, (*sums)[0], TILE_BYTES);
    _tile_stored(SUMS + 1, (*sums)[1], TILE_BYTES);
    course->now = !course->now, course->row = row, course->rows = rows, course->channel = channel;
  }
}

/* ── Both ─ */

INLINE size_t rows_from(const Rows *rows, size_t row) { return rows->count - row < TILE ? rows->count - row : TILE; }

void attend_block_in_tiles(const Pass *pass, Work *work, const uint8_t *keys, const uint8_t *values) {
  const Rows *rows = &work->rows;
  Course course;
  course.pass = pass, course.work = work, course.keys = keys, course.values = values, course.now = course.rows = 0;
  gather_values(&course, vectors_seen(rows, 0, rows->count));
  size_t vectors = 0;
  for (size_t row = 0; row < rows->count; row += TILE) {
    const size_t some = rows_from(rows, row), next = row + TILE;
    if (vectors == 0) {
      vectors = vectors_seen(rows, row, some);
      if (vectors == 0) continue;
      for (size_t half = 0; half < vectors; half += HALF_VECTORS) {
        begin_scores(&course, row, half, vectors);
        end_scores(&course, half);
      }
    }
    const size_t next_vectors = next < rows->count ? vectors_seen(rows, next, rows_from(rows, next)) : 0;
    if (next_vectors > 0) begin_scores(&course, next, 0, next_vectors);
    weigh_scores(pass, work, row, some, keys, values, vectors);
    if (next_vectors > 0) end_scores(&course, 0);
    if (next_vectors > HALF_VECTORS) {
      begin_scores(&course, next, HALF_VECTORS, next_vectors);
      put_means(&course);
      end_scores(&course, HALF_VECTORS);
    }
    multiply_values(&course, row, some, vectors);
    vectors = next_vectors;
  }
  put_means(&course);
}

#endif
