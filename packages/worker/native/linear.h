#pragma once

/* What ways of computing a linear layer have in common. */

#include "operator.h"
#include "products.h"

/* Outputs of a panel. */
enum { PANEL = 64, PANEL_VECTORS = PANEL / LANES };
/* Rows that a thread takes at once. */
enum { ROWS_AT_ONCE = 96 };

typedef struct {
  const uint8_t *quants;
  const int8_t *weights;
  const float *scales, *row_scales;
  /* 128 × the sum of an output's weights: what the inputs' zero point adds. */
  const int32_t *offsets;
  float *outputs;
  size_t rows, inputs, width, panels, row_blocks;
} Layer;

/* Outputs `column` and those behind it, as far as there are any, of a row. */
INLINE void put_sums(const Layer *layer, integers sums, size_t row, size_t column) {
  float *to = layer->outputs + row * layer->width + column;
  const float row_scale = layer->row_scales == NULL ? 1 : layer->row_scales[row];
  if (column + LANES <= layer->width) {
    const loose_integers *offsets = (const loose_integers *)(layer->offsets + column);
    store(to, __builtin_convertvector(sums - *offsets, floats) * load(layer->scales + column) * all(row_scale));
    return;
  }
  for (size_t i = 0; column + i < layer->width; i++) {
    to[i] = (float)(sums[i] - layer->offsets[column + i]) * layer->scales[column + i] * row_scale;
  }
}

/* Whether a layer of so many inputs and rows is computed in tiles. */
int fits_tiles(const Layer *layer);

/* Rows `first` to `end` - 1 by a panel, in tiles. */
void multiply_in_tiles(const Layer *layer, size_t first, size_t end, size_t panel);
