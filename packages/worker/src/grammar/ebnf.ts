import type { CodePoints } from './pattern/code-points.js';

/** A text as a literal of the grammar language. */
export function literal(text: string): string {
  let inside = '';
  for (const character of text) {
    const point = character.codePointAt(0)!;
    if (character === '"' || character === '\\') inside += `\\${character}`;
    else inside += point < 0x20 || point > 0x7e ? escapeOf(point) : character;
  }
  return `"${inside}"`;
}

/** Any one of the code points; at least one. */
export function characterClass(points: CodePoints): string {
  const parts = points.map(([from, to]) => (from === to ? inClass(from) : `${inClass(from)}-${inClass(to)}`));
  return `[${parts.join('')}]`;
}

/** `part` so many times; `most` undefined: any number. */
export function repeated(part: string, least: number, most: number | undefined): string {
  if (least === 1 && most === 1) return part;
  if (most === 0) return '""';
  // A class that is not in parentheses is repeated within its rule, which is far faster to match.
  const group = isClass(part) ? part : `(${part})`;
  if (least === 0 && most === 1) return `${group}?`;
  if (most === undefined && least < 2) return `${group}${least === 0 ? '*' : '+'}`;
  return `${group}{${least},${most ?? ''}}`;
}

/** Every bracket within one is escaped. */
function isClass(expression: string): boolean {
  return expression.startsWith('[') && expression.indexOf(']') === expression.length - 1;
}

function inClass(point: number): string {
  const isPlain =
    (point >= 0x30 && point <= 0x39) || (point >= 0x41 && point <= 0x5a) || (point >= 0x61 && point <= 0x7a);
  return isPlain ? String.fromCharCode(point) : escapeOf(point);
}

function escapeOf(point: number): string {
  // Not \x, to which the library counts every hexadecimal digit that follows.
  if (point <= 0xffff) return `\\u${point.toString(16).padStart(4, '0')}`;
  return `\\U${point.toString(16).padStart(8, '0')}`;
}
