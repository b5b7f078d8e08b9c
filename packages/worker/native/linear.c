/*
 * Linear layers in 8-bit integers. A sum of products has no rounding, so what a row gets depends on nothing but the row.
 *
 * Weights lie in panels of 64 outputs, each as it is read: for every four inputs the four weights of output 0, of output 1, and so
 * on. So they are used where they lie in their file, by all sessions and processes that have it mapped.
 *
 *   panel 0: [inputs / 4][64 outputs][4 inputs], panel 1, ..
 *
 * Two layers that read the same rows, of which one is the gate of the other, are one operator: their outputs are as large as
 * nothing else in a model, and need not be written and read.
 */

#include "linear.h"

/* Rows whose sums are kept in registers, beside those of a panel or of half of one. */
#ifdef __AVX512VNNI__
enum { TILE_ROWS = 6, TILE_VECTORS = 4 };
#else
enum { TILE_ROWS = 2, TILE_VECTORS = 2 };
#endif

typedef integers Sums[TILE_ROWS][TILE_VECTORS];

/* Sums of some rows by TILE_VECTORS vectors of a panel; how many rows is known when this is compiled. */
INLINE void multiply_tile(const Layer *layer, const Weights *of, size_t rows, size_t row, size_t panel, size_t vector, Sums sums) {
  const uint8_t *quants = layer->quants + row * layer->inputs;
  const int8_t *weights = of->panels + panel * PANEL * layer->inputs + vector * LANES * QUAD;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < TILE_VECTORS; j++) sums[i][j] = (integers){0};
  }
  for (size_t input = 0; input < layer->inputs; input += QUAD) {
    const int8_t *line = weights + input * PANEL;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const quads quad = repeated(quants + i * layer->inputs + input);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < TILE_VECTORS; j++) sums[i][j] = add_products(sums[i][j], quad, load_quads(line + j * LANES * QUAD));
    }
  }
}

INLINE void multiply_rows(const Layer *layer, size_t rows, size_t row, size_t panel) {
  for (size_t vector = 0; vector < PANEL_VECTORS; vector += TILE_VECTORS) {
    Sums sums;
    multiply_tile(layer, &layer->weights[0], rows, row, panel, vector, sums);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
      for (size_t j = 0; j < TILE_VECTORS; j++) put_outputs(layer, sums[i][j], row + i, panel * PANEL + (vector + j) * LANES);
    }
  }
}

INLINE void multiply_gated_rows(const Layer *layer, size_t rows, size_t row, size_t panel) {
  for (size_t vector = 0; vector < PANEL_VECTORS; vector += TILE_VECTORS) {
    Sums gate, up;
    multiply_tile(layer, &layer->weights[0], rows, row, panel, vector, gate);
    multiply_tile(layer, &layer->weights[1], rows, row, panel, vector, up);
    for (size_t i = 0; i < rows; i++) {
      for (size_t j = 0; j < TILE_VECTORS; j += 2) put_gated(layer, gate[i] + j, up[i] + j, row + i, panel * PANEL + (vector + j) * LANES);
    }
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
#define ROWS(some) \
  case some: \
    if (layer->count == 1) multiply_rows(layer, some, row, panel); \
    else multiply_gated_rows(layer, some, row, panel); \
    break;
  for (size_t row = first; row < end; row += TILE_ROWS) {
    switch (end - row) {
      ROWS(1)
#ifdef __AVX512VNNI__
      ROWS(2) ROWS(3) ROWS(4) ROWS(5)
#endif
      default: ROWS(TILE_ROWS)
    }
  }
#undef ROWS
}

/* Weights of a layer, which are three inputs from `index` on. */
static Weights weights_of(Call *call, size_t index, const Layer *layer) {
  const Tensor panels = input_of(call, index, 4), scales = input_of(call, index + 1, 1);
  require(call, panels.lengths[1] * QUAD == layer->inputs, "Linear: weights are for another number of inputs");
  require(call, panels.lengths[2] == PANEL && panels.lengths[3] == QUAD, "Linear: weights must lie in panels of 64 outputs by 4 inputs");
  require(call, panels.lengths[0] == layer->panels && scales.lengths[0] == layer->width, "Linear: there must be a scale for each output");
  return (Weights){panels.data, scales.data, input_of(call, index + 2, 1).data};
}

static void compute(Call *call, size_t count) {
  const Tensor quants = input_of(call, 0, 2), scales = input_of(call, 2, 1);
  const size_t rows = quants.lengths[0], width = scales.lengths[0];
  Layer layer = {
      .quants = quants.data,
      .row_scales = input_of(call, 1 + 3 * count, 2).data,
      .count = count,
      .outputs = output_of(call, 0, (int64_t[]){rows, width}, 2),
      .rows = rows,
      .inputs = quants.lengths[1],
      .width = width,
      .panels = (width + PANEL - 1) / PANEL,
      .row_blocks = (rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE,
  };
  for (size_t i = 0; i < count; i++) layer.weights[i] = weights_of(call, 1 + 3 * i, &layer);
  require(call, count == 1 || width % RUN == 0, "LinearGate: outputs must be a multiple of 32");
  if (call->failure == NULL) in_parallel(call, multiply_piece, layer.panels * layer.row_blocks, &layer);
}

static void compute_linear(Call *call) { compute(call, 1); }
static void compute_gated(Call *call) { compute(call, 2); }

Operator linear = {
    .name = "Linear",
    .inputs = {BYTES, SIGNED_BYTES, FLOATS, INTEGERS, -FLOATS},
    .outputs = {FLOATS},
    .compute = compute_linear,
};

Operator linear_gate = {
    .name = "LinearGate",
    .inputs = {BYTES, SIGNED_BYTES, FLOATS, INTEGERS, SIGNED_BYTES, FLOATS, INTEGERS, FLOATS},
    .outputs = {FLOATS},
    .compute = compute_gated,
};
