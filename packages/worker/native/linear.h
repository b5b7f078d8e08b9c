#pragma once

/*
 * What ways of computing linear layers have in common: rows of unsigned integers around 128, weights of signed ones, and what
 * becomes of 32-bit sums.
 */

#include "operator.h"
#include "products.h"

/* Outputs of a panel. */
enum { PANEL = 64, PANEL_VECTORS = PANEL / LANES };
/* Rows that a thread takes at once. */
enum { ROWS_AT_ONCE = 96 };
/* Outputs that are mixed with each other. */
enum { RUN = 2 * LANES };

/* Weights of a layer. */
typedef struct {
  const int8_t *panels;
  /* By output; offsets are 128 × the sum of its weights: what the inputs' zero point adds. */
  const float *scales;
  const int32_t *offsets;
} Weights;

typedef struct {
  const uint8_t *quants;
  const float *row_scales;
  /* One layer, or two whose outputs become one: the first is the gate of the second. */
  Weights weights[2];
  size_t count;
  float *outputs;
  size_t rows, inputs, width, panels, row_blocks;
} Layer;

INLINE float row_scale(const Layer *layer, size_t row) { return layer->row_scales == NULL ? 1 : layer->row_scales[row]; }

/* What sums of a row mean: outputs `column` and those behind it, all of which there are. */
INLINE floats outputs_of(const Layer *layer, const Weights *weights, integers sums, size_t row, size_t column) {
  const integers offsets = *(const loose_integers *)(weights->offsets + column);
  return __builtin_convertvector(sums - offsets, floats) * load(weights->scales + column) * all(row_scale(layer, row));
}

/* Outputs `column` and those behind it, as far as there are any. */
INLINE void put_outputs(const Layer *layer, integers sums, size_t row, size_t column) {
  float *to = layer->outputs + row * layer->width + column;
  if (column + LANES <= layer->width) {
    store(to, outputs_of(layer, layer->weights, sums, row, column));
    return;
  }
  const Weights *weights = layer->weights;
  for (size_t i = 0; column + i < layer->width; i++) {
    to[i] = (float)(sums[i] - weights->offsets[column + i]) * weights->scales[column + i] * row_scale(layer, row);
  }
}

INLINE floats gated(floats gate, floats up) {
  /* e to the power of something above 0 is not computed: both sides of the sigmoid come from the other one. */
  const floats power = exponential(-magnitude(gate));
  const floats sigmoid = choose(gate < all(0), power, all(1)) / (power + all(1));
  return gate * sigmoid * up;
}

/* A run of outputs: SiLU(gate) × up, times a Hadamard matrix, which is orthogonal. */
INLINE void put_gated(const Layer *layer, const integers gate[2], const integers up[2], size_t row, size_t column) {
  if (column >= layer->width) return;
  const floats orthogonal = all(0.17677669529663687f);
  floats halves[2];
  for (size_t i = 0; i < 2; i++) {
    const floats gates = outputs_of(layer, &layer->weights[0], gate[i], row, column + i * LANES);
    halves[i] = spread(gated(gates, outputs_of(layer, &layer->weights[1], up[i], row, column + i * LANES)));
  }
  float *to = layer->outputs + row * layer->width + column;
  store(to, (halves[0] + halves[1]) * orthogonal);
  store(to + LANES, (halves[0] - halves[1]) * orthogonal);
}

/* Whether a layer is computed in tiles. */
int fits_tiles(const Layer *layer);

/* Rows `first` to `end` - 1 by a panel, in tiles. */
void multiply_in_tiles(const Layer *layer, size_t first, size_t end, size_t panel);
