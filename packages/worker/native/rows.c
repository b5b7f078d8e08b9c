/*
 * What stands between two linear layers in 8-bit integers: floats go in, and rows of integers around 128 come out, with one
 * scale a row that brings the largest magnitude to 127. A row never sees another one.
 */

#include "operator.h"
#include "quantize.h"

/* Rows that a thread takes at once, so that handing them out costs little beside them. */
enum { ROWS_AT_ONCE = 8 };

typedef struct {
  const float *first, *second, *second_scale, *weight;
  uint8_t *quants;
  float *scales, *sums;
  size_t rows, columns;
  float epsilon;
} Rows;

/* ── NormQuantize ─ */

static void norm_row(const Rows *rows, size_t row) {
  const size_t columns = rows->columns;
  const float *residual = rows->first + row * columns;
  const float *addition = rows->second == NULL ? NULL : rows->second + row * columns;
  const floats scale = all(rows->second_scale == NULL ? 1 : rows->second_scale[row]);
  float *sums = rows->sums + row * columns;
  floats squares = all(0), largest = all(0);
  for (size_t i = 0; i < columns; i += LANES) {
    floats sum = load(residual + i);
    if (addition != NULL) sum = multiply_add(load(addition + i), scale, sum);
    store(sums + i, sum);
    squares = multiply_add(sum, sum, squares);
    largest = larger(largest, magnitude(sum * load(rows->weight + i)));
  }
  /* What the norm divides by is the same for the whole row: it goes into the scale, and integers need not know it. */
  const float norm = 1 / __builtin_sqrtf(sum_of(squares) / columns + rows->epsilon);
  const float most = largest_of(largest) > LARGEST_MIN ? largest_of(largest) : LARGEST_MIN;
  rows->scales[row] = most * norm / LARGEST_QUANT;
  for (size_t i = 0; i < columns; i += LANES) {
    quantize(rows->quants + row * columns, i, load(sums + i) * load(rows->weight + i), LARGEST_QUANT / most);
  }
}

/* ── QuantizeRows ─ */

static void quantize_row(const Rows *rows, size_t row) {
  const float *values = rows->first + row * rows->columns;
  floats largest = all(0);
  for (size_t i = 0; i < rows->columns; i += LANES) largest = larger(largest, magnitude(load(values + i)));
  const float most = largest_of(largest) > LARGEST_MIN ? largest_of(largest) : LARGEST_MIN;
  rows->scales[row] = most / LARGEST_QUANT;
  for (size_t i = 0; i < rows->columns; i += LANES) {
    quantize(rows->quants + row * rows->columns, i, load(values + i), LARGEST_QUANT / most);
  }
}

/* ── All of them ─ */

typedef struct {
  const Rows *rows;
  void (*row)(const Rows *, size_t);
} Work;

static void some_rows(void *state, size_t index) {
  const Work *work = state;
  const size_t end = (index + 1) * ROWS_AT_ONCE;
  for (size_t row = index * ROWS_AT_ONCE; row < end && row < work->rows->rows; row++) work->row(work->rows, row);
}

static void each_row(Call *call, const Rows *rows, void (*row)(const Rows *, size_t)) {
  Work work = {rows, row};
  if (call->failure == NULL) in_parallel(call, some_rows, (rows->rows + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, &work);
}

/* Makes the outputs that all have, for rows as `first` has them. */
static void begin(Call *call, Rows *rows, const Tensor *first) {
  rows->first = first->data;
  rows->rows = first->lengths[0];
  rows->columns = first->lengths[1];
  rows->quants = output_of(call, 0, first->lengths, 2);
  rows->scales = output_of(call, 1, (int64_t[]){first->lengths[0], 1}, 2);
}

static void compute_norm(Call *call) {
  const Tensor residual = input_of(call, 0, 2);
  Rows rows = {
      .second = input_of(call, 1, 2).data,
      .second_scale = input_of(call, 2, 2).data,
      .weight = input_of(call, 3, 1).data,
      .epsilon = call->number,
  };
  require(call, residual.lengths[1] % LANES == 0, "NormQuantize: columns must be a multiple of 16");
  begin(call, &rows, &residual);
  rows.sums = output_of(call, 2, residual.lengths, 2);
  each_row(call, &rows, norm_row);
}

static void compute_quantize(Call *call) {
  const Tensor values = input_of(call, 0, 2);
  Rows rows = {0};
  require(call, values.lengths[1] % LANES == 0, "QuantizeRows: columns must be a multiple of 16");
  begin(call, &rows, &values);
  each_row(call, &rows, quantize_row);
}

Operator norm_quantize = {
    .name = "NormQuantize",
    .inputs = {FLOATS, -FLOATS, -FLOATS, FLOATS},
    .outputs = {BYTES, FLOATS, FLOATS},
    .number = "epsilon",
    .compute = compute_norm,
};

Operator quantize_rows = {
    .name = "QuantizeRows",
    .inputs = {FLOATS},
    .outputs = {BYTES, FLOATS},
    .compute = compute_quantize,
};
