import { CODE_POINT_MAX, type CodePoints, codePoints, complement, intersect } from './pattern/code-points.js';

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

/** Characters beyond ASCII that may be spelt out one by one. */
const SPELT_MAX = 64;

/**
 * Any one of the code points; at least one. Undefined for some of those beyond ASCII and not others, but for a few: in its
 * classes the library knows all of them or none (0.1.27 reads `[é-ü]` as nothing and `[^é]` as everything).
 */
export function characterClass(points: CodePoints): string | undefined {
  const low = intersect(points, ascii);
  const high = intersect(points, beyondAscii);
  if (high.length === 0) return positiveClass(low);
  // Nobody misses the character NUL, and a class cannot leave out nothing.
  const rest = intersect(complement(low), ascii);
  if (isSame(high, beyondAscii)) return `[^${classRanges(rest.length > 0 ? rest : [[0, 0]])}]`;
  const spelt = high.flatMap(([from, to]) =>
    Array.from({ length: Math.min(to - from, SPELT_MAX) + 1 }, (_, i) => from + i),
  );
  if (spelt.length > SPELT_MAX) return undefined;
  const literals = spelt.map((point) => literal(String.fromCodePoint(point)));
  return `(${[...(low.length > 0 ? [positiveClass(low)] : []), ...literals].join(' | ')})`;
}

const ascii: CodePoints = [[0, 0x7f]];
export const beyondAscii: CodePoints = codePoints([[0x80, CODE_POINT_MAX]]);

function positiveClass(points: CodePoints): string {
  return `[${classRanges(points)}]`;
}

function classRanges(points: CodePoints): string {
  return points.map(([from, to]) => (from === to ? inClass(from) : `${inClass(from)}-${inClass(to)}`)).join('');
}

function isSame(a: CodePoints, b: CodePoints): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
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

/**
 * The first class of a grammar that names a character beyond ASCII, which the library would misread (see
 * {@link characterClass}); undefined where there is none.
 */
export function classBeyondAscii(grammar: string): string | undefined {
  for (const [token] of grammar.matchAll(/"(?:\\[\s\S]|[^"\\])*"|#[^\n]*|\[(?:\\[\s\S]|[^\]\\])*\]/g)) {
    if (!token.startsWith('[')) continue;
    const plain = token.replaceAll(
      /\\(?:x[0-7][0-9a-fA-F](?![0-9a-fA-F])|u00[0-7][0-9a-fA-F]|U000000[0-7][0-9a-fA-F])/g,
      '',
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
    if (/[^\u0000-\u007f]|\\[xuU]/.test(plain)) return token;
  }
  return undefined;
}
