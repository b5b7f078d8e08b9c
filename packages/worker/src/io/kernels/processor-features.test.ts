import { describe, expect, it } from 'vitest';
import { hasByteProducts } from './processor-features.js';

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
