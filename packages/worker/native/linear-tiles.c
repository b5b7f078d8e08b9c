/*
 * Linear layers in tiles. Tiles multiply faster than a core does anything else, so everything else is done while they do: sums of
 * the block before become outputs, and the next panel's weights come from memory.
 */

#include "linear.h"
#include "tiles.h"

#ifndef __AMX_INT8__

int fits_tiles(const Layer *layer) { return 0; }
void multiply_in_tiles(const Layer *layer, size_t first, size_t end, size_t panel) {}

#else

/* One row alone takes longer in tiles than in vectors. */
enum { ROWS_MIN = 2 };
/* Rows that go together, by as many outputs: two tiles by two. */
enum { BLOCK = 2 * TILE };
/* Bytes from four inputs of a panel to the next four. */
enum { LINE_BYTES = PANEL * QUAD };

int fits_tiles(const Layer *layer) { return has_tiles && layer->rows >= ROWS_MIN && layer->inputs % TILE_BYTES == 0; }

typedef int32_t TileSums[TILE][TILE];

/* Weights that are read next, and how many bytes of them are sent for at a time. */
typedef struct {
  const int8_t *at, *end;
  size_t step;
} Ahead;

/* A block whose sums are known: of each of `layer->count` weights four tiles, by rows. Outputs of rows in front of `put` are made. */
typedef struct {
  TileSums sums[2][4] __attribute__((aligned(TILE_BYTES)));
  size_t row, rows, column, put;
} Block;

/* What a thread does with a panel. */
typedef struct {
  const Layer *layer;
  size_t panel;
  Ahead ahead[2];
  /* One is computed, while the one before becomes outputs. */
  Block blocks[2];
  size_t now;
} Course;

/* Sends for some of the next panel, while this one's products are summed. */
INLINE void send(Ahead *ahead) {
  const int8_t *end = ahead->at + ahead->step < ahead->end ? ahead->at + ahead->step : ahead->end;
  for (; ahead->at < end; ahead->at += TILE_BYTES) __builtin_prefetch(ahead->at, 0, 2);
}

INLINE integers sums_of(const Block *block, size_t of, size_t row, size_t half) {
  return *(const integers *)block->sums[of][row / TILE * 2 + half][row % TILE];
}

/* Outputs of some more rows. */
INLINE void put_some(const Layer *layer, Block *block, size_t some) {
  const size_t end = block->put + some < block->rows ? block->put + some : block->rows;
  for (size_t row = block->put; row < end; row++) {
    const integers first[2] = {sums_of(block, 0, row, 0), sums_of(block, 0, row, 1)};
    if (layer->count == 1) {
      for (size_t half = 0; half < 2; half++) put_outputs(layer, first[half], block->row + row, block->column + half * TILE);
    } else {
      const integers second[2] = {sums_of(block, 1, row, 0), sums_of(block, 1, row, 1)};
      put_gated(layer, first, second, block->row + row, block->column);
    }
  }
  block->put = end;
}

INLINE void zero_sums(void) { _tile_zero(SUMS), _tile_zero(SUMS + 1), _tile_zero(SUMS + 2), _tile_zero(SUMS + 3); }

INLINE void store_sums(TileSums *sums) {
  _tile_stored(SUMS, sums[0], TILE_BYTES);
  _tile_stored(SUMS + 1, sums[1], TILE_BYTES);
  _tile_stored(SUMS + 2, sums[2], TILE_BYTES);
  _tile_stored(SUMS + 3, sums[3], TILE_BYTES);
}

INLINE const int8_t *panel_of(const Course *course, size_t of) {
  return course->layer->weights[of].panels + course->panel * PANEL * course->layer->inputs;
}

/* Sums of a block are known: its outputs are those of half of the panel. */
INLINE void begin_outputs(const Course *course, Block *block, size_t row, size_t rows, size_t half) {
  block->row = row, block->rows = rows, block->column = course->panel * PANEL + half * BLOCK, block->put = 0;
}

/* Up to 16 rows by a whole panel, which is read from end to end: its four tiles are one block's and another's. */
static void multiply_few(Course *course, size_t row, size_t rows) {
  const Layer *layer = course->layer;
  const uint8_t *quants = layer->quants + row * layer->inputs;
  for (size_t of = 0; of < layer->count; of++) {
    const int8_t *weights = panel_of(course, of);
    zero_sums();
    for (size_t input = 0; input < layer->inputs; input += TILE_BYTES) {
      const int8_t *lines = weights + input * PANEL;
      send(&course->ahead[of]);
      _tile_loadd(FIRST_ROWS, quants + input, layer->inputs);
      _tile_loadd(FIRST_COLUMNS, lines, LINE_BYTES);
      _tile_dpbusd(SUMS, FIRST_ROWS, FIRST_COLUMNS);
      _tile_loadd(SECOND_COLUMNS, lines + TILE_BYTES, LINE_BYTES);
      _tile_dpbusd(SUMS + 1, FIRST_ROWS, SECOND_COLUMNS);
      _tile_loadd(FIRST_COLUMNS, lines + 2 * TILE_BYTES, LINE_BYTES);
      _tile_dpbusd(SUMS + 2, FIRST_ROWS, FIRST_COLUMNS);
      _tile_loadd(SECOND_COLUMNS, lines + 3 * TILE_BYTES, LINE_BYTES);
      _tile_dpbusd(SUMS + 3, FIRST_ROWS, SECOND_COLUMNS);
    }
    _tile_stored(SUMS, course->blocks[0].sums[of][0], TILE_BYTES);
    _tile_stored(SUMS + 1, course->blocks[0].sums[of][1], TILE_BYTES);
    _tile_stored(SUMS + 2, course->blocks[1].sums[of][0], TILE_BYTES);
    _tile_stored(SUMS + 3, course->blocks[1].sums[of][1], TILE_BYTES);
  }
  for (size_t half = 0; half < 2; half++) {
    begin_outputs(course, &course->blocks[half], row, rows, half);
    put_some(layer, &course->blocks[half], rows);
  }
}

/* 17 to 32 rows by half of a panel: twice as many products for what is read. */
static void multiply_many(Course *course, size_t row, size_t rows, size_t half) {
  const Layer *layer = course->layer;
  const uint8_t *quants = layer->quants + row * layer->inputs, *second = quants + TILE * layer->inputs;
  Block *block = &course->blocks[course->now], *before = &course->blocks[!course->now];
  /* So that all of them are done when this block is. */
  const size_t some = before->rows * TILE_BYTES / (layer->count * layer->inputs) + 1;
  for (size_t of = 0; of < layer->count; of++) {
    const int8_t *weights = panel_of(course, of) + half * 2 * TILE_BYTES;
    zero_sums();
    for (size_t input = 0; input < layer->inputs; input += TILE_BYTES) {
      const int8_t *lines = weights + input * PANEL;
      _tile_loadd(FIRST_COLUMNS, lines, LINE_BYTES);
      _tile_loadd(FIRST_ROWS, quants + input, layer->inputs);
      _tile_dpbusd(SUMS, FIRST_ROWS, FIRST_COLUMNS);
      _tile_loadd(SECOND_COLUMNS, lines + TILE_BYTES, LINE_BYTES);
      _tile_dpbusd(SUMS + 1, FIRST_ROWS, SECOND_COLUMNS);
      _tile_loadd(SECOND_ROWS, second + input, layer->inputs);
      _tile_dpbusd(SUMS + 2, SECOND_ROWS, FIRST_COLUMNS);
      _tile_dpbusd(SUMS + 3, SECOND_ROWS, SECOND_COLUMNS);
      send(&course->ahead[of]);
      put_some(layer, before, some);
    }
    store_sums(block->sums[of]);
  }
  begin_outputs(course, block, row, rows, half);
  course->now = !course->now;
}

/* What of the next panel the threads that have this one send for while they compute rows from `first` on, in so many steps. */
static Ahead ahead_of(const Course *course, size_t of, size_t first, size_t steps) {
  const Layer *layer = course->layer;
  const size_t bytes = PANEL * layer->inputs / layer->row_blocks;
  const int8_t *next = panel_of(course, of) + PANEL * layer->inputs + bytes * (first / ROWS_AT_ONCE);
  return course->panel + 1 < layer->panels ? (Ahead){next, next + bytes, bytes / steps + TILE_BYTES} : (Ahead){0};
}

void multiply_in_tiles(const Layer *layer, size_t first, size_t end, size_t panel) {
  const size_t rest = (end - first) % BLOCK, whole = end - rest;
  const size_t steps = ((end - first + TILE - 1) / TILE) * (layer->inputs / TILE_BYTES);
  Course course;
  course.layer = layer, course.panel = panel, course.now = 0;
  course.blocks[1].put = course.blocks[1].rows = 0;
  for (size_t of = 0; of < layer->count; of++) course.ahead[of] = ahead_of(&course, of, first, steps);
  if (whole > first) open_tiles(BLOCK);
  for (size_t half = 0; half < 2; half++) {
    for (size_t row = first; row < whole; row += BLOCK) multiply_many(&course, row, BLOCK, half);
  }
  if (rest > 0) open_tiles(rest);
  if (rest > TILE) {
    for (size_t half = 0; half < 2; half++) multiply_many(&course, whole, rest, half);
  }
  put_some(layer, &course.blocks[!course.now], BLOCK);
  if (rest > 0 && rest <= TILE) multiply_few(&course, whole, rest);
  close_tiles();
}

#endif
