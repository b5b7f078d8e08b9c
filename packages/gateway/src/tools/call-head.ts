import { MORE, NO, readLiteral, readString, readValue, skipSpace } from './json-scan.js';

/** The beginning of a call, up to where its arguments can be passed on as they come. */
export type CallHead =
  /** `at`: offset of the arguments' opening brace. `isMember`: they are a member of an object that goes on behind them. */
  | { readonly kind: 'open'; readonly name: string; readonly at: number; readonly isMember: boolean }
  /** All of it is there; `at`: offset behind it. */
  | { readonly kind: 'whole'; readonly name: string; readonly arguments: string; readonly at: number };

/**
 * Reads an object with a `name` and `arguments` (or `parameters`) at `at`, members in any order. It can be read no
 * further than it has come, so the answer is the same however the text is cut. Any other object is told by its first
 * member, so that little is held back of an answer that is JSON itself.
 * @param names of the tools.
 * @returns {@link MORE} or {@link NO} where there is no head.
 */
export function readObjectHead(
  text: string,
  at: number,
  names: ReadonlySet<string>,
): CallHead | typeof MORE | typeof NO {
  let here = readLiteral(text, at, '{');
  let name: string | undefined;
  let given: string | undefined;
  while (here >= 0) {
    const keyAt = skipSpace(text, here);
    const keyEnd = readString(text, keyAt);
    const colon = keyEnd < 0 ? keyEnd : readLiteral(text, skipSpace(text, keyEnd), ':');
    if (colon < 0) return notYet(colon);
    const valueAt = skipSpace(text, colon);
    const key = decodedString(text.slice(keyAt, keyEnd));
    if (key === undefined || !headMembers.has(key)) return NO;
    const isArguments = key === 'arguments' || key === 'parameters';
    if (isArguments && name !== undefined && text[valueAt] === '{') {
      return { kind: 'open', name, at: valueAt, isMember: true };
    }
    const valueEnd = readValue(text, valueAt);
    if (valueEnd < 0) return notYet(valueEnd);
    const value = text.slice(valueAt, valueEnd);
    if (key === 'name') name = decodedString(value);
    if (isArguments) given = writtenArguments(value);
    if (key === 'name' && !names.has(name ?? '')) return NO;
    if (isArguments && given === undefined) return NO;
    here = skipSpace(text, valueEnd);
    if (text[here] === '}') {
      return name === undefined ? NO : { kind: 'whole', name, arguments: given ?? '{}', at: here + 1 };
    }
    here = readLiteral(text, here, ',');
  }
  return notYet(here);
}

const headMembers: ReadonlySet<string> = new Set(['name', 'arguments', 'parameters', 'type', 'id']);

/** Reads a name, perhaps with Mistral's marks behind it, and the opening brace of its arguments. */
export function readNamedHead(text: string, at: number): CallHead | typeof MORE | typeof NO {
  const nameEnd = wordEnd(text, at);
  if (nameEnd === text.length) return nameEnd - at <= nameMax ? MORE : NO;
  if (nameEnd === at || nameEnd - at > nameMax) return NO;
  let here = skipSpace(text, nameEnd);
  const id = readLiteral(text, here, '[CALL_ID]');
  if (id === MORE) return MORE;
  if (id >= 0) here = skipSpace(text, wordEnd(text, skipSpace(text, id)));
  const args = readLiteral(text, here, '[ARGS]');
  if (args === MORE) return MORE;
  if (args >= 0) here = skipSpace(text, args);
  const brace = readLiteral(text, here, '{');
  if (brace < 0) return notYet(brace);
  return { kind: 'open', name: text.slice(at, nameEnd), at: here, isMember: false };
}

/** Characters of a function's name. */
const nameMax = 64;

function wordEnd(text: string, at: number): number {
  word.lastIndex = at;
  return at + (word.exec(text)?.[0].length ?? 0);
}

const word = /[\w-]+/y;

/** Offset behind the brace that closes the object around a call's arguments, from behind these. */
export function readRest(text: string, at: number): number {
  let here = skipSpace(text, at);
  while (text[here] === ',') {
    const keyEnd = readString(text, skipSpace(text, here + 1));
    const colon = keyEnd < 0 ? keyEnd : readLiteral(text, skipSpace(text, keyEnd), ':');
    const valueEnd = colon < 0 ? colon : readValue(text, skipSpace(text, colon));
    if (valueEnd < 0) return valueEnd;
    here = skipSpace(text, valueEnd);
  }
  return readLiteral(text, here, '}');
}

function notYet(offset: number): typeof MORE | typeof NO {
  return offset === MORE ? MORE : NO;
}

/** Some models write the arguments as a string that holds the JSON, or null for none. */
function writtenArguments(value: string): string | undefined {
  if (value.startsWith('{')) return value;
  if (value === 'null') return '{}';
  const inner = decodedString(value)?.trim();
  return inner?.startsWith('{') && parsedJson(inner) !== undefined ? inner : undefined;
}

function decodedString(json: string): string | undefined {
  const value = json.startsWith('"') ? parsedJson(json) : undefined;
  return typeof value === 'string' ? value : undefined;
}

function parsedJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
