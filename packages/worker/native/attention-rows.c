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
  for (size_t row = 0; row < rows->count; row++) {
    const int position = pass->positions[piece.first + row / group];
    const int end = position + 1 - (int)block, from = pass->window == 0 ? 0 : end - (int)pass->window;
    rows->end[row] = end > BLOCK ? BLOCK : end;
    rows->from[row] = from;
  }
}

size_t end_seen(const Rows *rows, size_t first, size_t some) {
  int end = 0;
  for (size_t row = first; row < first + some; row++) end = rows->end[row] > end ? rows->end[row] : end;
  return end;
}

void find_largest(Rows *rows, size_t first, size_t some, size_t vectors) {
  float change[LANES] = {0};
  for (size_t row = first; row < first + some; row++) {
    float *scores = rows->weights[row];
    const int from = rows->from[row], end = rows->end[row];
    floats largest = all(MASKED);
    if (from > 0 || end < (int)(vectors * LANES)) {
      const integers lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      for (size_t vector = 0; vector < vectors; vector++) {
        const integers position = lanes + (int)(vector * LANES);
        const integers is_seen = (position >= from) & (position < end);
        store(scores + vector * LANES, choose(is_seen, load(scores + vector * LANES), all(MASKED)));
      }
    }
    for (size_t vector = 0; vector < vectors; vector++) largest = larger(largest, load(scores + vector * LANES));
    const float before = rows->largest[row], now = largest_of(largest);
    rows->largest[row] = now > before ? now : before;
    change[row - first] = before - rows->largest[row];
  }
  store(rows->rescale, exponential(load(change)));
}

void weigh(Rows *rows, size_t row, float rescale, size_t vectors) {
  float *weights = rows->weights[row];
  floats total = load(rows->totals[row]) * all(rescale);
  /* A row whose window begins behind this block has seen nothing yet: nothing has weight. */
  const floats largest = all(rows->largest[row] > MASKED ? rows->largest[row] : 0);
  for (size_t vector = 0; vector < vectors; vector++) {
    const floats weight = exponential(load(weights + vector * LANES) - largest);
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
