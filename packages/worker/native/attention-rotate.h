#pragma once

/* Rotating a head's channels by its token's position (Su et al. 2021), which multiplies them by a factor as well. */

#include "attention.h"

/* Of a position, by channel: what it is multiplied by, and what the channel that is rotated together with it. */
typedef struct {
  float own[HEAD_DIM_MAX], other[HEAD_DIM_MAX];
} Turn;

INLINE void turn_to(const Pass *pass, Turn *turn, size_t position, float factor) {
  const size_t half = pass->head_dim / 2;
  const float *cos = pass->cos + position * half, *sin = pass->sin + position * half;
  if (pass->interleaved) {
    const floats signs = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
    for (size_t i = 0; i < pass->head_dim; i += LANES) {
      store(turn->own + i, load_twice(cos + i / 2) * all(factor));
      store(turn->other + i, load_twice(sin + i / 2) * signs * all(factor));
    }
    return;
  }
  for (size_t i = 0; i < half; i++) {
    turn->own[i] = turn->own[i + half] = cos[i] * factor;
    turn->other[i + half] = sin[i] * factor;
    turn->other[i] = -turn->other[i + half];
  }
}

/* `head_dim` is the pass's. */
INLINE void rotate(const Pass *pass, size_t head_dim, const Turn *turn, const float *from, floats *to) {
  float twice[2 * HEAD_DIM_MAX];
  if (!pass->interleaved) {
    __builtin_memcpy(twice, from, head_dim * sizeof(float));
    __builtin_memcpy(twice + head_dim, from, head_dim * sizeof(float));
  }
  for (size_t i = 0; i < head_dim; i += LANES) {
    const floats own = load(from + i), other = pass->interleaved ? ones_swapped(own) : load(twice + i + head_dim / 2);
    to[i / LANES] = multiply_add(own, load(turn->own + i), other * load(turn->other + i));
  }
}
