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
  return pass->window == 0 || earliest <= pass->window ? 0 : (earliest - pass->window) / pass->way->block * pass->way->block;
}

void enter_block(const Pass *pass, Piece piece, Rows *rows, size_t block) {
  const size_t group = pass->heads / pass->kv_heads;
  const int most = pass->way->block;
  for (size_t token = 0, row = 0; token < piece.count; token++) {
    const int end = pass->positions[piece.first + token] + 1 - (int)block, from = pass->window == 0 ? 0 : end - (int)pass->window;
    for (size_t head = 0; head < group; head++, row++) {
      rows->end[row] = end > most ? most : end;
      rows->from[row] = from;
    }
  }
}

size_t end_seen(const Rows *rows, size_t first, size_t some) {
  int end = 0;
  for (size_t row = first; row < first + some; row++) end = rows->end[row] > end ? rows->end[row] : end;
  return end;
}

void end_rows(const Pass *pass, Piece piece, const Rows *rows) {
  for (size_t row = 0; row < rows->count; row++) {
    float *to = row_at(pass, piece, row);
    const floats inverse = all(1 / sum_of(load(rows->totals[row])));
    for (size_t i = 0; i < pass->head_dim; i += LANES) store(to + i, load(rows->sums + row * pass->head_dim + i) * inverse);
  }
}
