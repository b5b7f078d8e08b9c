/** Instead of an offset: the text so far does not tell yet. */
export const MORE = -1;
/** Instead of an offset: it is something else. */
export const NO = -2;

/** Offset of the first character at or behind `at` that is no white space; the text's end where there is none. */
export function skipSpace(text: string, at: number): number {
  let end = at;
  while (end < text.length && isSpace(text.charCodeAt(end))) end += 1;
  return end;
}

export function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** Offset behind `literal`, which has to stand at `at`. */
export function readLiteral(text: string, at: number, literal: string): number {
  if (text.startsWith(literal, at)) return at + literal.length;
  return text.length - at < literal.length && literal.startsWith(text.slice(at)) ? MORE : NO;
}

/** Offset behind the string whose opening quote has to stand at `at`. What it holds is not looked at. */
export function readString(text: string, at: number): number {
  const isQuote = readLiteral(text, at, '"');
  if (isQuote < 0) return isQuote;
  for (let end = at + 1; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === quote) return end + 1;
    if (code === backslash) end += 1;
  }
  return MORE;
}

/** Offset behind a JSON value of any kind. Brackets have to match in number; whether all of it is JSON is left open. */
export function readValue(text: string, at: number): number {
  if (at >= text.length) return MORE;
  const first = text[at];
  if (first === '"') return readString(text, at);
  if (first === '{' || first === '[') {
    const end = new BracketScanner().push(text.slice(at));
    return end < 0 ? MORE : at + end;
  }
  scalar.lastIndex = at;
  const length = scalar.exec(text)?.[0].length ?? 0;
  if (length === 0) return NO;
  return at + length === text.length ? MORE : at + length;
}

const scalar = /[-+.\w]+/y;

/** Finds the end of an object or array that comes in pieces. */
export class BracketScanner {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** Offset in `piece` behind the bracket that closes the value; {@link MORE} while it is open. */
  push(piece: string): number {
    for (let at = 0; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (code === backslash) this.#isEscaped = true;
        else if (code === quote) this.#isInString = false;
      } else if (code === quote) {
        this.#isInString = true;
      } else if (code === openBrace || code === openBracket) {
        this.#depth += 1;
      } else if (code === closeBrace || code === closeBracket) {
        this.#depth -= 1;
        if (this.#depth === 0) return at + 1;
      }
    }
    return MORE;
  }
}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
