import type { Rng } from '@sluice/shared';

/** A copy in which one place, drawn at random, holds something else, is gone, or has a new neighbour. */
export function mutate(value: unknown, rng: Rng): unknown {
  const stranger = () => strangers[rng.below(strangers.length)];
  if (typeof value !== 'object' || value === null || rng.below(4) === 0) return stranger();
  if (Array.isArray(value)) {
    if (value.length === 0 || rng.below(4) === 0) return [...value, stranger()];
    const at = rng.below(value.length);
    return value.map((entry, i) => (i === at ? mutate(entry, rng) : entry));
  }
  const keys = Object.keys(value);
  const key = keys[rng.below(keys.length + 1)];
  if (keys.length === 0) return { a: stranger() };
  if (key === undefined) return JSON.parse(`{"__proto__":1,${JSON.stringify(value).slice(1)}`);
  const entries = Object.entries(value).filter(([name]) => name !== key || rng.below(4) > 0);
  return Object.fromEntries(entries.map(([name, entry]) => [name, name === key ? mutate(entry, rng) : entry]));
}

/** Bytes cut, doubled or replaced. */
export function garble(text: string, rng: Rng): string {
  const at = rng.below(text.length);
  const to = at + rng.below(8);
  switch (rng.below(4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(to);
    case 2:
      return text.slice(0, to) + text.slice(at);
    default:
      return text.slice(0, at) + String.fromCharCode(rng.below(256)) + text.slice(at + 1);
  }
}

/** What is put in. */
const strangers: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  0.1,
  2 ** 53,
  '',
  'x',
  'x'.repeat(5000),
  '\ud800',
  '\u0000',
  [],
  [[]],
  [null],
  {},
  { a: {} },
  { toString: 1 },
  { length: -1 },
  '__proto__',
  'constructor',
  Array(5000).fill(0),
  { type: 'text' },
];
