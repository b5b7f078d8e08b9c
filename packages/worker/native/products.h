#pragma once

/* Products of integers of 8 bits, added up by fours in 32. Sums are exact, whatever computes them. */

#include "vector.h"

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#include <immintrin.h>
#endif

enum { QUAD = 4 };

/* Sixteen times four bytes. */
typedef uint8_t quads __attribute__((vector_size(LANES * QUAD)));
typedef uint8_t loose_quads __attribute__((vector_size(LANES * QUAD), aligned(1)));
#if !defined(__AVX512VNNI__) && !defined(__AVXVNNI__)
typedef int8_t signed_quads __attribute__((vector_size(LANES * QUAD)));
typedef int16_t shorts __attribute__((vector_size(LANES * QUAD * 2)));
typedef int32_t pairs __attribute__((vector_size(LANES * QUAD * 2)));
#endif

INLINE quads load_quads(const void *from) { return *(const loose_quads *)from; }

/* Four bytes, sixteen times. */
INLINE quads repeated(const void *from) {
  int32_t quad;
  __builtin_memcpy(&quad, from, sizeof(quad));
  return (quads)((integers){0} + quad);
}

/* sums[i] += the dot product of quad i of `a`, unsigned, and that of `b`, signed. */
INLINE integers add_products(integers sums, quads a, quads b) {
#if defined(__AVX512VNNI__)
  return (integers)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)a, (__m512i)b);
#elif defined(__AVXVNNI__)
  __m256i halves[2], as[2], bs[2];
  __builtin_memcpy(halves, &sums, sizeof(halves));
  __builtin_memcpy(as, &a, sizeof(as));
  __builtin_memcpy(bs, &b, sizeof(bs));
  for (int i = 0; i < 2; i++) halves[i] = _mm256_dpbusd_avx_epi32(halves[i], as[i], bs[i]);
  __builtin_memcpy(&sums, halves, sizeof(halves));
  return sums;
#else
  /* A product fits into 16 bits, the sum of two does not. */
  const shorts products = __builtin_convertvector(a, shorts) * __builtin_convertvector((signed_quads)b, shorts);
  const pairs both = (pairs)products, sum = (both << 16 >> 16) + (both >> 16);
  const integers even = __builtin_shufflevector(sum, sum, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const integers odd = __builtin_shufflevector(sum, sum, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return sums + even + odd;
#endif
}
