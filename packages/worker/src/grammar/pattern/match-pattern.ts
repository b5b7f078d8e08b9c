import { includes } from './code-points.js';
import type { Branch, Pattern } from './pattern.js';

/**
 * Whether an expression matches somewhere in a text. All ways through it are gone at once, so no expression takes long on
 * a short text, as some do in a `RegExp`.
 * @param spend hears of the work while it is done, a unit some 16 characters looked at, and throws to end it.
 */
export function matchesSomewhere(branches: readonly Branch[], text: string, spend: (units: number) => void): boolean {
  const points = Array.from(text, (character) => character.codePointAt(0)!);
  const everywhere = new Set([...points.keys(), points.length]);
  return branches.some(({ pattern, fromStart, toEnd }) => {
    const ends = endsOf(pattern, { points, spend }, fromStart ? new Set([0]) : everywhere);
    return toEnd ? ends.has(points.length) : ends.size > 0;
  });
}

interface Subject {
  readonly points: readonly number[];
  readonly spend: (units: number) => void;
}

/** Where the pattern can end that begins at one of these places. */
function endsOf(pattern: Pattern, subject: Subject, starts: ReadonlySet<number>): ReadonlySet<number> {
  subject.spend((1 + starts.size) / 16);
  switch (pattern.kind) {
    case 'set': {
      const fitting = [...starts].filter((at) => {
        const point = subject.points[at];
        return point !== undefined && includes(pattern.points, point);
      });
      return new Set(fitting.map((at) => at + 1));
    }
    case 'sequence':
      return pattern.parts.reduce((from, part) => endsOf(part, subject, from), starts);
    case 'either':
      return new Set(pattern.options.flatMap((option) => [...endsOf(option, subject, starts)]));
    case 'repeat':
      return endsOfRepeat(pattern, subject, starts);
  }
}

function endsOfRepeat(
  { part, least, most = Number.POSITIVE_INFINITY }: Extract<Pattern, { kind: 'repeat' }>,
  subject: Subject,
  starts: ReadonlySet<number>,
): ReadonlySet<number> {
  let ends = starts;
  for (let count = 0; count < least; count++) {
    const next = endsOf(part, subject, ends);
    const isSame = next.size === ends.size && [...next].every((at) => ends.has(at));
    ends = next;
    if (isSame) break;
  }
  const all = new Set(ends);
  for (let count = least; count < most && ends.size > 0; count++) {
    ends = new Set([...endsOf(part, subject, ends)].filter((at) => !all.has(at)));
    for (const at of ends) all.add(at);
  }
  return all;
}
