#pragma once

/* Rows of floats as integers of 8 bits, around 128, with one scale a row that brings the largest magnitude to 127. */

#include "vector.h"

enum { ZERO_POINT = 128, LARGEST_QUANT = 127 };

/* A row of zeros has this for its largest magnitude. */
#define LARGEST_MIN 1e-30f

/* The float whose lowest byte is the nearest level of values × inverse, ties to the even one; see rounded(). */
INLINE void quantize(uint8_t *quants, size_t column, floats values, float inverse) {
  const integers levels = (integers)(values * all(inverse) + all(12582912.0f + ZERO_POINT));
  *(loose_bytes *)(quants + column) = __builtin_convertvector(levels, bytes);
}
