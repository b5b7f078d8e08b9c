/**
 * How many bytes at the end of `bytes` are the beginning of a UTF-8 character that more bytes could still complete, 0 to 3.
 * Follows the table of well-formed sequences, Unicode 16, table 3-7: E0 80 or F5 can never be completed, so they are 0.
 */
export function incompleteTailBytes(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const first = bytes[bytes.length - length] ?? 0;
    if (isContinuation(first)) continue;
    return length < lengthFromFirst(first) && secondFits(first, length, bytes[bytes.length - length + 1]) ? length : 0;
  }
  return 0;
}

/** Bytes of the character that begins with this byte; 1 also for what begins none. */
function lengthFromFirst(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 1;
}

function secondFits(first: number, length: number, second: number | undefined): boolean {
  if (length === 1 || second === undefined) return true;
  if (first === 0xe0) return second >= 0xa0;
  if (first === 0xed) return second <= 0x9f;
  if (first === 0xf0) return second >= 0x90;
  if (first === 0xf4) return second <= 0x8f;
  return true;
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}
