import { CODE_POINT_MAX, type CodePoints, codePoints, complement } from './code-points.js';
import type { Branch, Pattern } from './pattern.js';

/** Why a regular expression is refused: the part at fault, and where it is. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

const NESTING_MAX = 64;
const REPEAT_MAX = 10_000;

const digit: CodePoints = [[0x30, 0x39]];
const word = codePoints([[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]); // biome-ignore format: ranges
/** Of spaces and ends of lines those in ASCII alone, unlike ECMAScript: no class can leave out a few others. */
const space = codePoints([
  [9, 13],
  [32, 32],
]);
const lineEnds = codePoints([
  [10, 10],
  [13, 13],
]);

const classes: Readonly<Record<string, CodePoints>> = {
  d: digit,
  D: complement(digit),
  w: word,
  W: complement(word),
  s: space,
  S: complement(space),
};
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 };

/**
 * Reads the regular part of ECMAScript's regular expressions, with the meaning that they have under the flag `u`.
 * Anchors may stand where the expression, or one of its outermost alternatives, begins and ends.
 * @throws PatternError for the rest: look-around, back references, word boundaries, property escapes and flags.
 */
export function parsePattern(text: string): Branch[] {
  return new PatternParser(text).branches();
}

class PatternParser {
  readonly #characters: readonly string[];
  #index = 0;
  #nesting = 0;

  constructor(text: string) {
    this.#characters = Array.from(text);
  }

  branches(): Branch[] {
    const branches: Branch[] = [];
    do {
      const fromStart = this.#takes('^');
      const pattern = this.#sequence();
      const toEnd = this.#takes('$');
      branches.push({ pattern, fromStart, toEnd });
    } while (this.#takes('|'));
    if (this.#next !== undefined)
      throw this.#unsupported(this.#next === ')' ? 'unmatched )' : 'an anchor in the middle');
    return branches;
  }

  get #next(): string | undefined {
    return this.#characters[this.#index];
  }

  #takes(character: string): boolean {
    if (this.#next !== character) return false;
    this.#index += 1;
    return true;
  }

  #unsupported(what: string): PatternError {
    return new PatternError(`${what} at character ${this.#index + 1} is not supported`);
  }

  #sequence(): Pattern {
    const parts: Pattern[] = [];
    while (this.#next !== undefined && !['|', ')', '$'].includes(this.#next)) parts.push(this.#repeated(this.#atom()));
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  #atom(): Pattern {
    const character = this.#characters[this.#index];
    if (character === '^') throw this.#unsupported('an anchor in the middle');
    if (character !== undefined && '*+?{'.includes(character)) throw this.#unsupported(`"${character}" behind nothing`);
    if (character === '}' || character === ']') throw this.#unsupported(`a lone "${character}"`);
    if (character === '(') return this.#group();
    this.#index += 1;
    if (character === '[') return { kind: 'set', points: this.#set() };
    if (character === '.') return { kind: 'set', points: complement(lineEnds) };
    if (character === '\\') {
      const escaped = this.#escape(false);
      return { kind: 'set', points: typeof escaped === 'number' ? [[escaped, escaped]] : escaped };
    }
    const point = this.#pointOf(character!);
    return { kind: 'set', points: [[point, point]] };
  }

  #pointOf(character: string): number {
    const point = character.codePointAt(0)!;
    if (point >= 0xd800 && point <= 0xdfff) throw this.#unsupported('half a surrogate pair');
    return point;
  }

  #group(): Pattern {
    this.#index += 1;
    if (this.#takes('?')) {
      if (this.#takes('<')) {
        if (this.#next === '=' || this.#next === '!') throw this.#unsupported('look-behind');
        while (this.#next !== undefined && this.#next !== '>') this.#index += 1;
        if (!this.#takes('>')) throw this.#unsupported('a group without an end');
      } else if (!this.#takes(':')) {
        throw this.#unsupported(this.#next === '=' || this.#next === '!' ? 'look-ahead' : 'a flag of a group');
      }
    }
    this.#nesting += 1;
    if (this.#nesting > NESTING_MAX) throw this.#unsupported(`a group in more than ${NESTING_MAX} others`);
    const options: Pattern[] = [];
    do options.push(this.#sequence());
    while (this.#takes('|'));
    if (this.#next === '$') throw this.#unsupported('an anchor in the middle');
    if (!this.#takes(')')) throw this.#unsupported('a group without an end');
    this.#nesting -= 1;
    return options.length === 1 ? options[0]! : { kind: 'either', options };
  }

  #repeated(part: Pattern): Pattern {
    const bounds = this.#bounds();
    if (bounds === undefined) return part;
    const [least, most] = bounds;
    if (most !== undefined && most < least) throw this.#unsupported(`{${least},${most}}`);
    if (Math.max(least, most ?? 0) > REPEAT_MAX) throw this.#unsupported(`a repetition of more than ${REPEAT_MAX}`);
    // A lazy one matches the same texts.
    this.#takes('?');
    return { kind: 'repeat', part, least, most };
  }

  #bounds(): [number, number | undefined] | undefined {
    if (this.#takes('*')) return [0, undefined];
    if (this.#takes('+')) return [1, undefined];
    if (this.#takes('?')) return [0, 1];
    if (!this.#takes('{')) return undefined;
    const least = this.#number();
    const most = this.#takes(',') ? this.#number() : least;
    if (least === undefined || !this.#takes('}')) throw this.#unsupported('a "{" that begins no repetition');
    return [least, most];
  }

  #number(): number | undefined {
    let digits = '';
    while (this.#next !== undefined && /^[0-9]$/.test(this.#next)) digits += this.#characters[this.#index++];
    return digits === '' ? undefined : Number(digits);
  }

  #set(): CodePoints {
    const isNegated = this.#takes('^');
    const ranges: (readonly [number, number])[] = [];
    while (!this.#takes(']')) {
      const from = this.#member();
      if (typeof from !== 'number') {
        ranges.push(...from);
        continue;
      }
      if (this.#next !== '-' || this.#characters[this.#index + 1] === ']') {
        ranges.push([from, from]);
        continue;
      }
      this.#index += 1;
      const to = this.#member();
      if (typeof to !== 'number' || to < from) throw this.#unsupported('a range that does not rise');
      ranges.push([from, to]);
    }
    return isNegated ? complement(codePoints(ranges)) : codePoints(ranges);
  }

  #member(): number | CodePoints {
    const character = this.#characters[this.#index];
    if (character === undefined) throw this.#unsupported('a class without an end');
    this.#index += 1;
    return character === '\\' ? this.#escape(true) : this.#pointOf(character);
  }

  #escape(isInClass: boolean): number | CodePoints {
    const character = this.#characters[this.#index];
    this.#index += 1;
    if (character === undefined) throw this.#unsupported('a lone "\\"');
    const known = classes[character];
    if (known !== undefined) return known;
    const control = controls[character];
    if (control !== undefined) return control;
    if (character === 'x') return this.#hex(2);
    if (character === 'u') return this.#takes('{') ? this.#hexInBraces() : this.#hex(4);
    if (character === 'b' && isInClass) return 8;
    if (character === 'b' || character === 'B') throw this.#unsupported('a word boundary');
    if (character === 'p' || character === 'P') throw this.#unsupported('a property escape');
    if (/^[1-9k]$/.test(character)) throw this.#unsupported('a back reference');
    if (/^[a-zA-Z]$/.test(character)) throw this.#unsupported(`"\\${character}"`);
    return this.#pointOf(character);
  }

  #hex(digits: number): number {
    const text = this.#characters.slice(this.#index, this.#index + digits).join('');
    if (!/^[0-9a-fA-F]+$/.test(text) || text.length < digits) throw this.#unsupported('an escape without its digits');
    this.#index += digits;
    return this.#scalar(Number.parseInt(text, 16));
  }

  #hexInBraces(): number {
    const end = this.#characters.indexOf('}', this.#index);
    const text = this.#characters.slice(this.#index, Math.max(this.#index, end)).join('');
    if (!/^[0-9a-fA-F]{1,6}$/.test(text)) throw this.#unsupported('an escape without its digits');
    this.#index = end + 1;
    return this.#scalar(Number.parseInt(text, 16));
  }

  #scalar(point: number): number {
    if (point > CODE_POINT_MAX || (point >= 0xd800 && point <= 0xdfff))
      throw this.#unsupported('half a surrogate pair');
    return point;
  }
}
