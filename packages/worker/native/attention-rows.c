#include "attention.h"

void begin_rows(const Pass *pass, Piece piece, Rows *rows) {
  rows->count = piece.count * (pass->heads / pass->kv_heads);
  for (size_t row = 0; row < rows->count; row++) {
    for (size_t i = 0; i < pass->head_dim; i += LANES) store(rows->sums + row * pass->head_dim + i, all(0));
    rows->largest[row] = MASKED;
    store(rows->totals[row], all(0));
  }
}

size_t first_block(const Pass *pass, Piece piece) {
  const size_t earliest = pass->positions[piece.first] + 1;
  return pass->window == 0 || earliest <= pass->window ? 0 : (earliest - pass->window) / BLOCK * BLOCK;
}

void enter_block(const Pass *pass, Piece piece, Rows *rows, size_t block) {
  const size_t group = pass->heads / pass->kv_heads;
  for (size_t token = 0, row = 0; token < piece.count; token++) {
    const int end = pass->positions[piece.first + token] + 1 - (int)block, from = pass->window == 0 ? 0 : end - (int)pass->window;
    for (size_t head = 0; head < group; head++, row++) {
      rows->end[row] = end > BLOCK ? BLOCK : end;
      rows->from[row] = from;
    }
  }
}

size_t end_seen(const Rows *rows, size_t first, size_t some) {
  int end = 0;
  for (size_t row = first; row < first + some; row++) end = rows->end[row] > end ? rows->end[row] : end;
  return end;
}

void find_largest(Rows *rows, size_t first, size_t some, size_t vectors) {
  floats each[LANES];
  for (size_t i = 0; i < LANES; i++) each[i] = all(MASKED);
  for (size_t row = first; row < first + some; row++) {
    float *scores = rows->weights[row];
    const int from = rows->from[row], end = rows->end[row];
    if (from > 0 || end < (int)(vectors * LANES)) {
      const integers lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      for (size_t vector = 0; vector < vectors; vector++) {
        const integers position = lanes + (int)(vector * LANES);
        const integers is_seen = (position >= from) & (position < end);
        store(scores + vector * LANES, choose(is_seen, load(scores + vector * LANES), all(MASKED)));
      }
    }
    floats largest = load(scores);
    for (size_t vector = 1; vector < vectors; vector++) largest = larger(largest, load(scores + vector * LANES));
    each[row - first] = largest;
  }
  /* Those of rows behind these stay as they are. */
  const floats before = load(rows->largest + first), largest = larger(before, largest_of_each(each));
  store(rows->largest + first, largest);
  store(rows->rescale + first, exponential(before - largest));
}

void weigh(Rows *rows, size_t row, size_t vectors) {
  float *weights = rows->weights[row];
  floats total = load(rows->totals[row]) * all(rows->rescale[row]);
  const floats base = base_of(rows, row);
  for (size_t vector = 0; vector < vectors; vector++) {
    const floats weight = exponential(load(weights + vector * LANES) - base);
    store(weights + vector * LANES, weight);
    total += weight;
  }
  store(rows->totals[row], total);
}

void end_rows(const Pass *pass, Piece piece, const Rows *rows) {
  for (size_t row = 0; row < rows->count; row++) {
    float *to = row_at(pass, piece, row);
    const floats inverse = all(1 / sum_of(load(rows->totals[row])));
    for (size_t i = 0; i < pass->head_dim; i += LANES) store(to + i, load(rows->sums + row * pass->head_dim + i) * inverse);
  }
}
