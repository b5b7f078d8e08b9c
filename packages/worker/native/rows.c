/*
 * What stands between two linear layers in 8-bit integers: floats go in, and rows of integers around 128 come out, with one
 * scale a row that brings the largest magnitude to 127. A row never sees another one.
 */

#include "operator.h"
#include "quantize.h"

/* Rows whose scales are found before the first of them is quantized, so that none waits for its own. */
enum { ROWS_IN_TURN = 4 };
/* Numbers that a thread takes at once: fewer are computed sooner than handed out. */
enum { NUMBERS_AT_ONCE = 8192 };
/* How far in front of it a row is fetched: hardly any is in the nearest cache, and half of it another thread has written. */
enum { ROWS_AHEAD = 2 };

typedef struct {
  const float *first, *second, *second_scale, *weight;
  uint8_t *quants;
  float *scales, *sums;
  size_t rows, columns;
  float epsilon;
} Rows;

INLINE float not_zero(float largest) { return largest > LARGEST_MIN ? largest : LARGEST_MIN; }

/* ── NormQuantize ─ */

/* A row that is added up, and what is known of the columns that have been. */
typedef struct {
  const float *residual, *addition, *weight;
  float *sums;
  floats scale, squares[2], largest[2];
} Row;

/* Every second vector has sums of its own: none waits for the one before it. */
INLINE void add_columns(Row *row, size_t column, size_t ahead, size_t parity) {
  floats sum = load(row->residual + column);
  __builtin_prefetch(row->residual + column + ahead);
  __builtin_prefetch(row->sums + column + ahead, 1);
  if (row->addition != NULL) {
    sum = multiply_add(load(row->addition + column), row->scale, sum);
    __builtin_prefetch(row->addition + column + ahead);
  }
  store(row->sums + column, sum);
  row->squares[parity] = multiply_add(sum, sum, row->squares[parity]);
  row->largest[parity] = larger(row->largest[parity], magnitude(sum * load(row->weight + column)));
}

/* Adds a row up, and finds its scale. Returns the largest magnitude behind the weight. */
static float add_row(const Rows *rows, size_t index) {
  const size_t columns = rows->columns, first = index * columns;
  Row row = {
      .residual = rows->first + first,
      .addition = rows->second == NULL ? NULL : rows->second + first,
      .weight = rows->weight,
      .sums = rows->sums + first,
      .scale = all(rows->second_scale == NULL ? 1 : rows->second_scale[index]),
  };
  size_t i = 0;
  for (; i + 2 * LANES <= columns; i += 2 * LANES) {
    add_columns(&row, i, ROWS_AHEAD * columns, 0);
    add_columns(&row, i + LANES, ROWS_AHEAD * columns, 1);
  }
  if (i < columns) add_columns(&row, i, ROWS_AHEAD * columns, 0);
  /* What the norm divides by is the same for the whole row: it goes into the scale, and integers need not know it. */
  const float norm = 1 / __builtin_sqrtf(sum_of(row.squares[0] + row.squares[1]) / columns + rows->epsilon);
  const float most = not_zero(largest_of(larger(row.largest[0], row.largest[1])));
  rows->scales[index] = most * norm / LARGEST_QUANT;
  return most;
}

static void norm_rows(const Rows *rows, size_t first, size_t count) {
  const size_t columns = rows->columns;
  const float *weight = rows->weight;
  float most[ROWS_IN_TURN];
  for (size_t i = 0; i < count; i++) most[i] = add_row(rows, first + i);
  for (size_t i = 0; i < count; i++) {
    const float *sums = rows->sums + (first + i) * columns;
    uint8_t *quants = rows->quants + (first + i) * columns;
    for (size_t j = 0; j < columns; j += LANES) quantize(quants, j, load(sums + j) * load(weight + j), LARGEST_QUANT / most[i]);
  }
}

/* ── QuantizeRows ─ */

static float largest_magnitude(const float *values, size_t columns) {
  floats even = all(0), odd = all(0);
  size_t i = 0;
  for (; i + 2 * LANES <= columns; i += 2 * LANES) {
    even = larger(even, magnitude(load(values + i)));
    odd = larger(odd, magnitude(load(values + i + LANES)));
    __builtin_prefetch(values + i + ROWS_AHEAD * columns);
    __builtin_prefetch(values + i + LANES + ROWS_AHEAD * columns);
  }
  if (i < columns) even = larger(even, magnitude(load(values + i)));
  return not_zero(largest_of(larger(even, odd)));
}

static void plain_rows(const Rows *rows, size_t first, size_t count) {
  const size_t columns = rows->columns;
  float most[ROWS_IN_TURN];
  for (size_t i = 0; i < count; i++) {
    most[i] = largest_magnitude(rows->first + (first + i) * columns, columns);
    rows->scales[first + i] = most[i] / LARGEST_QUANT;
  }
  for (size_t i = 0; i < count; i++) {
    const float *values = rows->first + (first + i) * columns;
    uint8_t *quants = rows->quants + (first + i) * columns;
    for (size_t j = 0; j < columns; j += LANES) quantize(quants, j, load(values + j), LARGEST_QUANT / most[i]);
  }
}

/* ── All of them ─ */

typedef struct {
  const Rows *rows;
  void (*some)(const Rows *, size_t first, size_t count);
  /* Rows of a piece. */
  size_t at_once;
} Work;

static size_t lesser(size_t a, size_t b) { return a < b ? a : b; }

static void compute_piece(void *state, size_t index) {
  const Work *work = state;
  const size_t first = index * work->at_once, end = lesser(first + work->at_once, work->rows->rows);
  for (size_t row = first; row < end; row += ROWS_IN_TURN) work->some(work->rows, row, lesser(end - row, ROWS_IN_TURN));
}

static void each_row(Call *call, const Rows *rows, void (*some)(const Rows *, size_t, size_t)) {
  if (call->failure != NULL || rows->rows == 0) return;
  const size_t wanted = rows->rows * rows->columns / NUMBERS_AT_ONCE, pieces = wanted > 0 ? wanted : 1;
  const size_t at_once = (rows->rows + pieces - 1) / pieces;
  Work work = {rows, some, at_once};
  in_parallel(call, compute_piece, (rows->rows + at_once - 1) / at_once, &work);
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
  each_row(call, &rows, norm_rows);
}

static void compute_quantize(Call *call) {
  const Tensor values = input_of(call, 0, 2);
  Rows rows = {0};
  require(call, values.lengths[1] % LANES == 0, "QuantizeRows: columns must be a multiple of 16");
  begin(call, &rows, &values);
  each_row(call, &rows, plain_rows);
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
