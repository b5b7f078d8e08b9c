/** What each of the 65,536 half-precision (IEEE 754 binary16) bit patterns is worth. */
const halfValues: Float32Array = new Float32Array(65_536).map((_, bits) => halfValue(bits));

/** The half-precision number at `offset`, little-endian. */
export function halfAt(bytes: Uint8Array, offset: number): number {
  return halfValues[bytes[offset]! | (bytes[offset + 1]! << 8)]!;
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
