import { describe, expect, it } from 'vitest';
import { hasByteProducts, hasTiles } from './processor-features.js';

describe('hasByteProducts', () => {
  it.each([
    ['flags\t\t: fpu avx512f avx512_vnni avx512_bitalg', true],
    ['flags\t\t: fpu avx2 avx_vnni', true],
    ['flags\t\t: fpu avx2 fma f16c', false],
    ['flags\t\t: fpu avx512f avx512_vnnix', false],
    ['Features\t: fp asimd asimddp', false],
    ['', false],
  ])('reads of "%s" that it is %s', (features, has) => {
    expect(hasByteProducts(features)).toBe(has);
  });
});

describe('hasTiles', () => {
  it.each([
    ['flags\t\t: fpu avx512_vnni amx_bf16 amx_tile amx_int8', true],
    ['flags\t\t: fpu avx512_vnni amx_tile', false],
    ['Features\t: fp asimd', false],
  ])('reads of "%s" that it is %s', (features, has) => {
    expect(hasTiles(features)).toBe(has);
  });
});
