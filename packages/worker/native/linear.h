#pragma once

/*
 * What ways of computing linear layers have in common: rows of unsigned integers around 128, weights of signed ones, and what
 * becomes of 32-bit sums.
 */

#include "operator.h"
#include "products.h"

/* Outputs of a panel, which are also those that are mixed with each other. */
enum { PANEL = 32, PANEL_VECTORS = PANEL / LANES };
/* Bytes from four inputs of a panel to the next four. */
enum { LINE_BYTES = PANEL * QUAD };
/* Rows that go through a panel together, at most: those of 1,536 inputs are well within the second level of caches. */
enum { ROWS_AT_ONCE = 512 };
/*
 * From so many on the rows are in two halves, each with a processor's own: weights come from memory once for either, and what is
 * written need not leave a processor's caches.
 */
enum { ROWS_APART = 256 };

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
  size_t rows, inputs, width, panels, rows_at_once;
  /* By rows that go together, then by panel. */
  Halves pieces;
} Layer;

/* What a thread does at once: rows `first` to `end` - 1 by a panel. */
typedef struct {
  size_t panel, first, end;
} Piece;

/* The next piece that nobody has begun; of no rows where there is none. */
INLINE Piece next_piece(Layer *layer, size_t half) {
  const size_t index = claim(&layer->pieces, half);
  if (index == NO_PIECE) return (Piece){0};
  const size_t first = index / layer->panels * layer->rows_at_once, end = first + layer->rows_at_once;
  return (Piece){index % layer->panels, first, end < layer->rows ? end : layer->rows};
}

INLINE const int8_t *weights_of(const Layer *layer, size_t of, size_t panel) {
  return layer->weights[of].panels + panel * PANEL * layer->inputs;
}

/* What sums of rows and a panel become. Of a panel's outputs there are so many `columns`; those that are missing are worth nothing. */
typedef struct {
  /* Of each layer what sums begin at, and what a sum's 1 is worth. */
  int32_t sums[2][PANEL] __attribute__((aligned(64)));
  floats scales[2][PANEL_VECTORS];
  const float *row_scales;
  /* Those of row 0. */
  float *to;
  size_t width, columns;
} Outputs;

/* A vector of a layer's offsets and scales, of outputs of which there are so many. */
INLINE void begin_vector(const Weights *weights, size_t column, size_t some, int32_t *sums, floats *scales) {
  if (some >= LANES) {
    *(integers *)sums = -*(const loose_integers *)(weights->offsets + column);
    *scales = load(weights->scales + column);
    return;
  }
  floats last = {0};
  for (size_t i = 0; i < LANES; i++) sums[i] = i < some ? -weights->offsets[column + i] : 0;
  for (size_t i = 0; i < some; i++) last[i] = weights->scales[column + i];
  *scales = last;
}

INLINE Outputs outputs_of(const Layer *layer, size_t panel) {
  const size_t column = panel * PANEL, columns = layer->width - column < PANEL ? layer->width - column : PANEL;
  Outputs outputs = {
      .row_scales = layer->row_scales,
      .to = layer->outputs + column,
      .width = layer->width,
      .columns = columns,
  };
  for (size_t of = 0; of < layer->count; of++) {
    for (size_t i = 0; i < PANEL; i += LANES) {
      const size_t some = columns > i ? columns - i : 0;
      begin_vector(&layer->weights[of], column + i, some, outputs.sums[of] + i, &outputs.scales[of][i / LANES]);
    }
  }
  return outputs;
}

/* What sums of a row mean. */
INLINE floats meaning(const Outputs *outputs, size_t of, size_t vector, integers sums, size_t row) {
  const floats row_scale = all(outputs->row_scales == NULL ? 1 : outputs->row_scales[row]);
  return __builtin_convertvector(sums, floats) * outputs->scales[of][vector] * row_scale;
}

INLINE void put_outputs(const Outputs *outputs, const integers sums[PANEL_VECTORS], size_t row) {
  float *to = outputs->to + row * outputs->width;
  const floats first = meaning(outputs, 0, 0, sums[0], row), second = meaning(outputs, 0, 1, sums[1], row);
  if (outputs->columns == PANEL) {
    store(to, first);
    store(to + LANES, second);
    return;
  }
  for (size_t i = 0; i < outputs->columns; i++) to[i] = i < LANES ? first[i] : second[i - LANES];
}

/* 2 to the power of a, for a in -126..0: off by 4e-6 of it at most, where what it is for becomes 8 bits. */
INLINE floats power_of_two(floats a) {
  const integers whole = rounded(a);
  const floats rest = a - __builtin_convertvector(whole, floats);
  floats series = all(1.3333558e-3f);
  series = multiply_add(series, rest, all(9.6181291e-3f));
  series = multiply_add(series, rest, all(5.5504109e-2f));
  series = multiply_add(series, rest, all(2.4022651e-1f));
  series = multiply_add(series, rest, all(6.9314718e-1f));
  series = multiply_add(series, rest, all(1));
  return (floats)((integers)series + (whole << 23));
}

INLINE floats gated(floats gate, floats up) {
  /* e to the power of something above 0 is not computed: both sides of the sigmoid come from the other one. */
  const floats power = power_of_two(larger(magnitude(gate) * all(-1.44269504f), all(-126)));
  const floats sigmoid = choose(gate < all(0), power, all(1)) / (power + all(1));
  return gate * sigmoid * up;
}

/* SiLU(gate) × up, times a Hadamard matrix, which is orthogonal. */
INLINE void put_gated(const Outputs *outputs, const integers gate[PANEL_VECTORS], const integers up[PANEL_VECTORS], size_t row) {
  const floats orthogonal = all(0.17677669529663687f);
  floats halves[2];
  for (size_t i = 0; i < 2; i++) {
    halves[i] = spread(gated(meaning(outputs, 0, i, gate[i], row), meaning(outputs, 1, i, up[i], row)));
  }
  float *to = outputs->to + row * outputs->width;
  store(to, (halves[0] + halves[1]) * orthogonal);
  store(to + LANES, (halves[0] - halves[1]) * orthogonal);
}

/* Whether a layer is computed in tiles. */
int fits_tiles(const Layer *layer);

/* Pieces until there are none, in tiles. */
void multiply_in_tiles(Layer *layer, size_t half);
