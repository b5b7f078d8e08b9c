/*
 * Linear layers in 8-bit integers. A sum of products has no rounding, so what a row gets depends on nothing but the row.
 *
 * Weights lie in panels of 32 outputs, each as it is read: for every four inputs the four weights of output 0, of output 1, and so
 * on. So they are used where they lie in their file, by all sessions and processes that have it mapped.
 *
 *   panel 0: [inputs / 4][32 outputs][4 inputs], panel 1, ..
 *
 * Two layers that read the same rows, of which one is the gate of the other, are one operator: their outputs are as large as
 * nothing else in a model, and need not be written and read.
 */

#include "linear.h"

/* Rows whose sums are kept in registers. */
#ifdef __AVX512VNNI__
enum { TILE_ROWS = 8 };
#else
enum { TILE_ROWS = 2 };
#endif

/* How far ahead of what is multiplied weights are sent for, in bytes. */
enum { READ_AHEAD = 3072 };

typedef integers Sums[TILE_ROWS][PANEL_VECTORS];

/*
 * Sums of some rows by a panel; how many rows is known when this is compiled. `next` is what is read behind the panel: the processor
 * sees by itself that weights are read in order, but only within pages, and never soon enough.
 */
INLINE void multiply_tile(
    const Layer *layer, const Outputs *outputs, size_t of, size_t panel, const int8_t *next, size_t rows, size_t row, Sums sums) {
  const uint8_t *quants = layer->quants + row * layer->inputs;
  const int8_t *line = weights_of(layer, of, panel);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < PANEL_VECTORS; j++) sums[i][j] = *(const integers *)(outputs->sums[of] + j * LANES);
  }
  for (size_t input = 0, left = layer->inputs * PANEL; input < layer->inputs; input += QUAD, line += LINE_BYTES, left -= LINE_BYTES) {
    const int8_t *soon = left > READ_AHEAD ? line + READ_AHEAD : next + (READ_AHEAD - left);
    for (size_t i = 0; i < LINE_BYTES; i += 64) __builtin_prefetch(soon + i, 0, 3);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const quads quad = repeated(quants + i * layer->inputs + input);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < PANEL_VECTORS; j++) sums[i][j] = add_products(sums[i][j], quad, load_quads(line + j * LANES * QUAD));
    }
  }
}

INLINE void multiply_rows(const Layer *layer, const Outputs *outputs, size_t panel, const int8_t *next, size_t rows, size_t row) {
  Sums first, second;
  multiply_tile(layer, outputs, 0, panel, layer->count == 1 ? next : weights_of(layer, 1, panel), rows, row, first);
  if (layer->count == 1) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) put_outputs(outputs, first[i], row + i);
    return;
  }
  multiply_tile(layer, outputs, 1, panel, next, rows, row, second);
  for (size_t i = 0; i < rows; i++) put_gated(outputs, first[i], second[i], row + i);
}

static void multiply_piece(const Layer *layer, Piece piece, const int8_t *next) {
  const Outputs outputs = outputs_of(layer, piece.panel);
#define ROWS(some) \
  case some: multiply_rows(layer, &outputs, piece.panel, next, some, row); break;
  for (size_t row = piece.first; row < piece.end; row += TILE_ROWS) {
    switch (piece.end - row) {
      ROWS(1)
#ifdef __AVX512VNNI__
      ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7)
#endif
      default: multiply_rows(layer, &outputs, piece.panel, next, TILE_ROWS, row);
    }
  }
#undef ROWS
}

static void multiply_in_vectors(Layer *layer, size_t half) {
  for (Piece piece = next_piece(layer, half); piece.end > 0;) {
    const Piece next = next_piece(layer, half);
    multiply_piece(layer, piece, weights_of(layer, 0, next.panel));
    piece = next;
  }
}

static void multiply_pieces(void *state, size_t half) {
  Layer *layer = state;
  if (fits_tiles(layer)) multiply_in_tiles(layer, half);
  else multiply_in_vectors(layer, half);
}

/* Rows that go together: as few blocks of them as are allowed, of whole tiles, as many in either half. */
static size_t rows_at_once(size_t rows) {
  const size_t halves = rows < ROWS_APART ? 1 : 2, blocks = halves * ((rows + halves * ROWS_AT_ONCE - 1) / (halves * ROWS_AT_ONCE));
  return ((rows + blocks - 1) / blocks + PANEL - 1) / PANEL * PANEL;
}

/* Weights of a layer, which are three inputs from `index` on. */
static Weights weights_at(Call *call, size_t index, const Layer *layer) {
  const Tensor panels = input_of(call, index, 4), scales = input_of(call, index + 1, 1);
  require(call, panels.lengths[1] * QUAD == layer->inputs, "Linear: weights are for another number of inputs");
  require(call, panels.lengths[2] == PANEL && panels.lengths[3] == QUAD, "Linear: weights must lie in panels of 32 outputs by 4 inputs");
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
      .rows_at_once = rows_at_once(rows),
  };
  for (size_t i = 0; i < count; i++) layer.weights[i] = weights_at(call, 1 + 3 * i, &layer);
  require(call, count == 1 || width % PANEL == 0, "LinearGate: outputs must be a multiple of 32");
  if (call->failure != NULL || rows == 0) return;
  const size_t pieces = layer.panels * ((rows + layer.rows_at_once - 1) / layer.rows_at_once);
  layer.pieces = halves_of(pieces);
  on_threads(call, multiply_pieces, pieces, &layer);
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
