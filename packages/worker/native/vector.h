#pragma once

/* Sixteen floats at a time. The compiler makes of them what the processor has: one AVX-512 register, two of AVX, four of NEON. */

#include <stddef.h>
#include <stdint.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t integers __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef uint8_t bytes __attribute__((vector_size(LANES)));

/* The same, wherever they lie. */
typedef float loose_floats __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));
typedef _Float16 loose_short_floats __attribute__((vector_size(LANES * sizeof(_Float16)), aligned(2)));
typedef float loose_half __attribute__((vector_size(LANES / 2 * sizeof(float)), aligned(4)));
typedef int32_t loose_integers __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(4)));
typedef uint8_t loose_bytes __attribute__((vector_size(LANES), aligned(1)));

INLINE floats load(const float *from) { return *(const loose_floats *)from; }
INLINE void store(float *to, floats values) { *(loose_floats *)to = values; }
/* Sixteen floats of 16 bits; what they cannot hold becomes the largest that they can. */
INLINE floats load_short(const _Float16 *from) { return __builtin_convertvector(*(const loose_short_floats *)from, floats); }
INLINE void store_short(_Float16 *to, floats values) {
  const floats most = (floats){0} + 65504;
  const floats kept = __builtin_elementwise_max(__builtin_elementwise_min(values, most), -most);
  *(loose_short_floats *)to = __builtin_convertvector(kept, loose_short_floats);
}

/* Eight floats, each twice. */
INLINE floats load_twice(const float *from) {
  const loose_half half = *(const loose_half *)from;
  return __builtin_shufflevector(half, half, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
}
INLINE floats all(float value) { return value - (floats){0}; }

/* a × b + c, rounded once. */
INLINE floats multiply_add(floats a, floats b, floats c) { return __builtin_elementwise_fma(a, b, c); }
INLINE floats larger(floats a, floats b) { return __builtin_elementwise_max(a, b); }
/* a where `mask` has all bits, b where it has none. */
INLINE floats choose(integers mask, floats a, floats b) { return (floats)((mask & (integers)a) | (~mask & (integers)b)); }
INLINE floats magnitude(floats a) { return __builtin_elementwise_abs(a); }

INLINE floats halves_swapped(floats a) { return __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7); }
INLINE floats fours_swapped(floats a) { return __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11); }
INLINE floats twos_swapped(floats a) { return __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13); }
INLINE floats ones_swapped(floats a) { return __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14); }

/* a + b in the lower of each pair of places, a - b in the higher one; `signs` has -1 there, `swapped` is a with the two changed. */
INLINE floats butterfly(floats a, floats swapped, floats signs) { return multiply_add(a, signs, swapped); }

/* Times a Hadamard matrix of entries 1 and -1. */
INLINE floats spread(floats a) {
  const floats ones = {1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1};
  const floats twos = {1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1};
  const floats fours = {1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1};
  const floats halves = {1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1};
  a = butterfly(a, ones_swapped(a), ones);
  a = butterfly(a, twos_swapped(a), twos);
  a = butterfly(a, fours_swapped(a), fours);
  return butterfly(a, halves_swapped(a), halves);
}

INLINE float sum_of(floats a) {
  a += halves_swapped(a);
  a += fours_swapped(a);
  a += twos_swapped(a);
  a += ones_swapped(a);
  return a[0];
}

INLINE float largest_of(floats a) {
  a = larger(a, halves_swapped(a));
  a = larger(a, fours_swapped(a));
  a = larger(a, twos_swapped(a));
  a = larger(a, ones_swapped(a));
  return a[0];
}

/* Of sixteen rows, the largest of each: of two halves with as many rows each, half as many columns are left every time. */
INLINE floats largest_of_each(const floats *rows) {
  floats twos[8], fours[4], eights[2];
  for (int i = 0; i < 8; i++) {
    const floats a = rows[2 * i], b = rows[2 * i + 1];
    twos[i] = larger(__builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
                     __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31));
  }
  for (int i = 0; i < 4; i++) {
    const floats a = twos[2 * i], b = twos[2 * i + 1];
    fours[i] = larger(__builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
                      __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31));
  }
  for (int i = 0; i < 2; i++) {
    const floats a = fours[2 * i], b = fours[2 * i + 1];
    eights[i] = larger(__builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
                       __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31));
  }
  return larger(__builtin_shufflevector(eights[0], eights[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
                __builtin_shufflevector(eights[0], eights[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
}

/* The nearest whole number, ties to the even one; for magnitudes below 2^22. */
INLINE integers rounded(floats a) {
  const floats shift = all(12582912.0f);
  return (integers)(a + shift) - (integers)shift;
}

/* e to the power of a, for a at most 0; off by 2 units in the last place at most; 0 below -87. */
INLINE floats exponential(floats a) {
  const floats kept = larger(a, all(-87.0f));
  const integers power = rounded(kept * all(1.44269504f));
  const floats whole = __builtin_convertvector(power, floats);
  floats rest = multiply_add(whole, all(-0.693359375f), kept);
  rest = multiply_add(whole, all(2.12194440e-4f), rest);
  floats series = all(1.0f / 5040);
  series = multiply_add(series, rest, all(1.0f / 720));
  series = multiply_add(series, rest, all(1.0f / 120));
  series = multiply_add(series, rest, all(1.0f / 24));
  series = multiply_add(series, rest, all(1.0f / 6));
  series = multiply_add(series, rest, all(0.5f));
  series = multiply_add(series, rest, all(1.0f));
  series = multiply_add(series, rest, all(1.0f));
  const floats scaled = (floats)((integers)series + (power << 23));
  return choose(a < all(-87.0f), all(0.0f), scaled);
}
