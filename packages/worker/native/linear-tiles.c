#include "linear.h"
#include "tiles.h"

#ifndef __AMX_INT8__

int fits_tiles(const Layer *layer) { return 0; }
void multiply_in_tiles(const Layer *layer, size_t first, size_t end, size_t panel) {}

#else

/* One row alone takes longer in tiles than in vectors. */
enum { ROWS_MIN = 2 };

int fits_tiles(const Layer *layer) { return has_tiles && layer->rows >= ROWS_MIN && layer->inputs % TILE_BYTES == 0; }

/* Bytes from four inputs of a panel to the next four. */
enum { LINE_BYTES = PANEL * QUAD };

/* What a thread keeps from one block of sums to the next. */
typedef struct {
  const Layer *layer;
  /* The panel that is read next: while sums of this one are computed, `step` bytes of it at a time are sent for. */
  const int8_t *ahead, *ahead_end;
  size_t step;
  /* Sums of the block before, by tiles; those in front of `put` are outputs already, the others become so meanwhile. */
  int32_t sums[4][TILE][TILE] __attribute__((aligned(TILE_BYTES)));
  size_t row, column, put, count;
} Course;

INLINE void send(Course *course) {
  for (size_t i = 0; i < course->step && course->ahead < course->ahead_end; i += TILE_BYTES, course->ahead += TILE_BYTES) {
    __builtin_prefetch(course->ahead, 0, 2);
  }
}

/* Some more sums, sixteen at a time: of a row those of both its tiles, then of the next row. */
INLINE void put_some(Course *course, size_t some) {
  const size_t end = course->put + some < course->count ? course->put + some : course->count;
  for (size_t i = course->put; i < end; i++) {
    const size_t row = i / 2, tile = row / TILE * 2 + i % 2;
    put_sums(course->layer, *(const integers *)course->sums[tile][row % TILE], course->row + row, course->column + i % 2 * TILE);
  }
  course->put = end;
}

/* Up to 16 rows by a whole panel, which is read from end to end. */
static void multiply_few(Course *course, size_t row, size_t rows, size_t panel) {
  const Layer *layer = course->layer;
  const uint8_t *quants = layer->quants + row * layer->inputs;
  const int8_t *weights = layer->weights + panel * PANEL * layer->inputs;
  _tile_zero(SUMS), _tile_zero(SUMS + 1), _tile_zero(SUMS + 2), _tile_zero(SUMS + 3);
  for (size_t input = 0; input < layer->inputs; input += TILE_BYTES) {
    const int8_t *lines = weights + input * PANEL;
    send(course);
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
  _tile_stored(SUMS, course->sums[0], TILE_BYTES);
  _tile_stored(SUMS + 1, course->sums[1], TILE_BYTES);
  _tile_stored(SUMS + 2, course->sums[2], TILE_BYTES);
  _tile_stored(SUMS + 3, course->sums[3], TILE_BYTES);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < 4; j++) put_sums(layer, *(const integers *)course->sums[j][i], row + i, panel * PANEL + j * TILE);
  }
}

/* 17 to 32 rows by half of a panel: twice as many products for what is read. */
static void multiply_many(Course *course, size_t row, size_t rows, size_t panel, size_t half) {
  const Layer *layer = course->layer;
  const uint8_t *quants = layer->quants + row * layer->inputs, *second = quants + TILE * layer->inputs;
  const int8_t *weights = layer->weights + panel * PANEL * layer->inputs + half * 2 * TILE_BYTES;
  const size_t some = course->count * TILE_BYTES / layer->inputs + 1;
  _tile_zero(SUMS), _tile_zero(SUMS + 1), _tile_zero(SUMS + 2), _tile_zero(SUMS + 3);
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
    send(course);
    put_some(course, some);
  }
  put_some(course, course->count);
  _tile_stored(SUMS, course->sums[0], TILE_BYTES);
  _tile_stored(SUMS + 1, course->sums[1], TILE_BYTES);
  _tile_stored(SUMS + 2, course->sums[2], TILE_BYTES);
  _tile_stored(SUMS + 3, course->sums[3], TILE_BYTES);
  course->row = row, course->column = panel * PANEL + half * 2 * TILE;
  course->put = 0, course->count = 2 * rows;
}

void multiply_in_tiles(const Layer *layer, size_t first, size_t end, size_t panel) {
  const size_t rest = (end - first) % (2 * TILE), whole = end - rest;
  const size_t bytes = PANEL * layer->inputs, steps = ((end - first) / TILE + (rest > 0)) * (layer->inputs / TILE_BYTES);
  Course course;
  course.layer = layer;
  course.put = course.count = 0;
  course.ahead = course.ahead_end = layer->weights + (panel + 1) * bytes;
  course.step = 0;
  if (panel + 1 < layer->panels) {
    course.ahead += bytes / layer->row_blocks * (first / ROWS_AT_ONCE);
    course.ahead_end = course.ahead + bytes / layer->row_blocks;
    course.step = bytes / layer->row_blocks / steps + TILE_BYTES;
  }
  if (whole > first) open_tiles(2 * TILE);
  for (size_t half = 0; half < 2; half++) {
    for (size_t row = first; row < whole; row += 2 * TILE) multiply_many(&course, row, 2 * TILE, panel, half);
  }
  if (rest > 0) {
    open_tiles(rest);
    for (size_t half = 0; half < 2 && rest > TILE; half++) multiply_many(&course, whole, rest, panel, half);
  }
  put_some(&course, course.count);
  if (rest > 0 && rest <= TILE) multiply_few(&course, whole, rest, panel);
  close_tiles();
}

#endif
