/*
 * A linear layer in 8-bit integers: rows of unsigned integers around 128, weights of signed ones, 32-bit sums. A sum has no
 * rounding, so what a row gets depends on nothing but the row.
 *
 * Weights lie in panels of 64 outputs, each as it is read: for every four inputs the four weights of output 0, of output 1, and so
 * on. So they are used where they lie in their file, by all sessions and processes that have it mapped.
 *
 *   panel 0: [inputs / 4][64 outputs][4 inputs], panel 1, ..
 */

#include "linear.h"

/* Rows whose sums are kept in registers, beside those of a panel or of half of one. */
#ifdef __AVX512VNNI__
enum { TILE_ROWS = 6, TILE_VECTORS = 4 };
#else
enum { TILE_ROWS = 2, TILE_VECTORS = 2 };
#endif

/* Some rows by some vectors of a panel; how many is known when this is compiled. */
INLINE void multiply_tile(const Layer *layer, size_t rows, size_t vectors, size_t row, size_t panel, size_t vector) {
  integers sums[TILE_ROWS][TILE_VECTORS];
  const uint8_t *quants = layer->quants + row * layer->inputs;
  const int8_t *weights = layer->weights + panel * PANEL * layer->inputs + vector * LANES * QUAD;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) sums[i][j] = (integers){0};
  }
  for (size_t input = 0; input < layer->inputs; input += QUAD) {
    const int8_t *line = weights + input * PANEL;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const quads quad = repeated(quants + i * layer->inputs + input);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) sums[i][j] = add_products(sums[i][j], quad, load_quads(line + j * LANES * QUAD));
    }
  }
  const size_t column = panel * PANEL + vector * LANES;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) put_sums(layer, sums[i][j], row + i, column + j * LANES);
  }
}

INLINE void multiply_rows(const Layer *layer, size_t rows, size_t row, size_t panel) {
  for (size_t vector = 0; vector < PANEL_VECTORS; vector += TILE_VECTORS) {
    multiply_tile(layer, rows, TILE_VECTORS, row, panel, vector);
  }
}

static void multiply_piece(void *state, size_t index) {
  const Layer *layer = state;
  const size_t panel = index / layer->row_blocks, first = index % layer->row_blocks * ROWS_AT_ONCE;
  const size_t end = first + ROWS_AT_ONCE < layer->rows ? first + ROWS_AT_ONCE : layer->rows;
  if (fits_tiles(layer)) {
    multiply_in_tiles(layer, first, end, panel);
    return;
  }
  size_t row = first;
  for (; row + TILE_ROWS <= end; row += TILE_ROWS) multiply_rows(layer, TILE_ROWS, row, panel);
  switch (end - row) {
#if defined(__AVX512VNNI__)
    case 5: multiply_rows(layer, 5, row, panel); break;
    case 4: multiply_rows(layer, 4, row, panel); break;
    case 3: multiply_rows(layer, 3, row, panel); break;
    case 2: multiply_rows(layer, 2, row, panel); break;
#endif
    case 1: multiply_rows(layer, 1, row, panel); break;
  }
}

static void compute_linear(Call *call) {
  const Tensor quants = input_of(call, 0, 2), weights = input_of(call, 1, 4), scales = input_of(call, 2, 1);
  const size_t rows = quants.lengths[0], width = scales.lengths[0];
  Layer layer = {
      .quants = quants.data,
      .weights = weights.data,
      .scales = scales.data,
      .offsets = input_of(call, 3, 1).data,
      .row_scales = input_of(call, 4, 2).data,
      .outputs = output_of(call, 0, (int64_t[]){rows, width}, 2),
      .rows = rows,
      .inputs = quants.lengths[1],
      .width = width,
      .panels = weights.lengths[0],
      .row_blocks = (rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE,
  };
  require(call, weights.lengths[1] * QUAD == quants.lengths[1], "Linear: weights are for another number of inputs");
  require(call, weights.lengths[2] == PANEL && weights.lengths[3] == QUAD, "Linear: weights must lie in panels of 64 outputs by 4 inputs");
  require(call, layer.panels == (width + PANEL - 1) / PANEL, "Linear: there must be a scale for each output");
  if (call->failure == NULL) in_parallel(call, multiply_piece, layer.panels * layer.row_blocks, &layer);
}

Operator linear = {
    .name = "Linear",
    .inputs = {BYTES, SIGNED_BYTES, FLOATS, INTEGERS, -FLOATS},
    .outputs = {FLOATS},
    .compute = compute_linear,
};
