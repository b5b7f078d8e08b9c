/*
 * Linear layers in tiles. Tiles multiply faster than a core does anything else, so everything else is done while they do: sums of
 * the block before become outputs, and the weights that this thread reads next come from memory.
 */

#include "linear.h"
#include "tiles.h"

#ifndef __AMX_INT8__

int fits_tiles(const Layer *layer) { return 0; }
void multiply_in_tiles(Layer *layer, size_t half) {}

#else

/* One row alone takes longer in tiles than in vectors. */
enum { ROWS_MIN = 2 };
/* Rows that go together by a panel, by whose outputs they are two tiles by two. */
enum { BLOCK = 2 * TILE };
/* Weights that one step multiplies, in bytes. */
enum { STEP_BYTES = PANEL * TILE_BYTES };

int fits_tiles(const Layer *layer) { return has_tiles && layer->rows >= ROWS_MIN && layer->inputs % TILE_BYTES == 0; }

/* Weights that are read next, and how many bytes of them are sent for at a time. */
typedef struct {
  const int8_t *at, *end;
  size_t step;
} Ahead;

/*
 * Rows by a panel: `count` from `first` on. Their sums lie by half of the panel, and by place in two tiles; the second tile ends
 * with the last row, and so does the only one where it need not begin with the first: all have as many rows, and some are computed twice.
 */
typedef struct {
  int32_t sums[2][2][BLOCK][TILE] __attribute__((aligned(TILE_BYTES)));
  Outputs outputs;
  /* Outputs of `put` rows are made. From row `split` on places are `shift` further. */
  size_t first, count, put, split, shift;
} Block;

/* What a thread does. */
typedef struct {
  Layer *layer;
  Ahead ahead[2];
  /* One is computed, while the one before becomes outputs. */
  Block blocks[2];
  size_t now;
} Course;

/* Sends for some weights, while products of others are summed. */
INLINE void send(Ahead *ahead) {
  const int8_t *end = ahead->at + ahead->step < ahead->end ? ahead->at + ahead->step : ahead->end;
  for (; ahead->at < end; ahead->at += TILE_BYTES) __builtin_prefetch(ahead->at, 0, 2);
}

INLINE integers sums_at(const Block *block, size_t of, size_t half, size_t place) {
  return *(const integers *)block->sums[of][half][place];
}

/* Outputs of some more rows. */
INLINE void put_some(const Layer *layer, Block *block, size_t some) {
  const Outputs outputs = block->outputs;
  const size_t end = block->put + some < block->count ? block->put + some : block->count;
  for (size_t i = block->put; i < end; i++) {
    const size_t place = i < block->split ? i : i + block->shift;
    const integers first[] = {sums_at(block, 0, 0, place), sums_at(block, 0, 1, place)};
    if (layer->count == 1) {
      put_outputs(&outputs, first, block->first + i);
    } else {
      const integers second[] = {sums_at(block, 1, 0, place), sums_at(block, 1, 1, place)};
      put_gated(&outputs, first, second, block->first + i);
    }
  }
  block->put = end;
}

/* Sums of one tile of rows, or of two: twice as many products for what is read. */
INLINE void multiply(Course *course, Block *block, Block *before, size_t panel, int are_two) {
  const Layer *layer = course->layer;
  const size_t inputs = layer->inputs, end = block->first + block->count;
  const uint8_t *first_rows = layer->quants + (block->first - (are_two ? 0 : block->shift)) * inputs;
  const uint8_t *second_rows = layer->quants + (are_two ? end - TILE : 0) * inputs;
  /* So that all of them are made when these sums are. */
  const size_t some = before->count * TILE_BYTES / (layer->count * inputs) + 1;
  for (size_t of = 0; of < layer->count; of++) {
    const int32_t *beginning = block->outputs.sums[of];
    const int8_t *lines = weights_of(layer, of, panel);
    /* A tile whose lines are all one line. */
    _tile_loadd(SUMS, beginning, 0);
    _tile_loadd(SUMS + 1, beginning + TILE, 0);
    if (are_two) {
      _tile_loadd(SUMS + 2, beginning, 0);
      _tile_loadd(SUMS + 3, beginning + TILE, 0);
    }
    for (size_t input = 0; input < inputs; input += TILE_BYTES, lines += STEP_BYTES) {
      _tile_loadd(FIRST_COLUMNS, lines, LINE_BYTES);
      _tile_loadd(FIRST_ROWS, first_rows + input, inputs);
      _tile_dpbusd(SUMS, FIRST_ROWS, FIRST_COLUMNS);
      _tile_loadd(SECOND_COLUMNS, lines + TILE_BYTES, LINE_BYTES);
      _tile_dpbusd(SUMS + 1, FIRST_ROWS, SECOND_COLUMNS);
      if (are_two) {
        _tile_loadd(SECOND_ROWS, second_rows + input, inputs);
        _tile_dpbusd(SUMS + 2, SECOND_ROWS, FIRST_COLUMNS);
        _tile_dpbusd(SUMS + 3, SECOND_ROWS, SECOND_COLUMNS);
      }
      send(&course->ahead[of]);
      put_some(layer, before, some);
    }
    _tile_stored(SUMS, block->sums[of][0], TILE_BYTES);
    _tile_stored(SUMS + 1, block->sums[of][1], TILE_BYTES);
    if (are_two) {
      _tile_stored(SUMS + 2, block->sums[of][0] + TILE, TILE_BYTES);
      _tile_stored(SUMS + 3, block->sums[of][1] + TILE, TILE_BYTES);
    }
  }
}

static void multiply_rows(Course *course, const Outputs *outputs, size_t panel, size_t first, size_t count) {
  Block *block = &course->blocks[course->now], *before = &course->blocks[!course->now];
  block->outputs = *outputs, block->first = first, block->count = count, block->put = 0;
  if (count > TILE) {
    block->split = TILE, block->shift = BLOCK - count;
    multiply(course, block, before, panel, 1);
  } else {
    block->split = 0, block->shift = course->layer->rows < TILE ? 0 : TILE - count;
    multiply(course, block, before, panel, 0);
  }
  course->now = !course->now;
}

static void multiply_piece(Course *course, Piece piece, Piece next) {
  const Layer *layer = course->layer;
  const size_t steps = (piece.end - piece.first + BLOCK - 1) / BLOCK * (layer->inputs / TILE_BYTES), bytes = PANEL * layer->inputs;
  const Outputs outputs = outputs_of(layer, piece.panel);
  for (size_t of = 0; of < layer->count; of++) {
    const int8_t *weights = weights_of(layer, of, next.panel);
    course->ahead[of] = (Ahead){weights, weights + (next.end == 0 ? 0 : bytes), bytes / steps + TILE_BYTES};
  }
  for (size_t row = piece.first; row < piece.end; row += BLOCK) {
    multiply_rows(course, &outputs, piece.panel, row, piece.end - row < BLOCK ? piece.end - row : BLOCK);
  }
}

void multiply_in_tiles(Layer *layer, size_t half) {
  Piece piece = next_piece(layer, half);
  if (piece.end == 0) return;
  Course course;
  course.layer = layer, course.now = 0;
  course.blocks[1].put = course.blocks[1].count = 0;
  open_tiles(layer->rows < TILE ? layer->rows : TILE);
  while (piece.end > 0) {
    const Piece next = next_piece(layer, half);
    multiply_piece(&course, piece, next);
    piece = next;
  }
  close_tiles();
  put_some(layer, &course.blocks[!course.now], BLOCK);
}

#endif
