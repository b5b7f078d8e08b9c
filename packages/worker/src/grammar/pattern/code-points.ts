/** Code points as ranges, both ends in it: rising, apart from each other, and without surrogates. */
export type CodePoints = readonly (readonly [from: number, to: number])[];

export const CODE_POINT_MAX = 0x10ffff;

export const everyCodePoint: CodePoints = codePoints([[0, CODE_POINT_MAX]]);

/** Sorts and joins ranges, and takes surrogates out: they are no text. */
export function codePoints(ranges: readonly (readonly [number, number])[]): CodePoints {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined.flatMap(([from, to]): [number, number][] => {
    const parts: [number, number][] = [
      [from, Math.min(to, 0xd7ff)],
      [Math.max(from, 0xe000), to],
    ];
    return parts.filter(([low, high]) => low <= high);
  });
}

export function complement(points: CodePoints): CodePoints {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [from, to] of points) {
    if (from > next) gaps.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= CODE_POINT_MAX) gaps.push([next, CODE_POINT_MAX]);
  return codePoints(gaps);
}

export function intersect(a: CodePoints, b: CodePoints): CodePoints {
  return complement(codePoints([...complement(a), ...complement(b)]));
}

export function includes(points: CodePoints, point: number): boolean {
  return points.some(([from, to]) => point >= from && point <= to);
}
