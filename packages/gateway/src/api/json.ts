import { ServingError } from '@sluice/shared';

/**
 * `JSON.parse` whose failure tells a caller where.
 * @throws ServingError `invalid_request` with line and column (from 1) of the first character that cannot be JSON.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { offset, expected } = firstJsonError(text);
    const before = text.slice(0, offset);
    const line = before.split('\n').length;
    const column = offset - before.lastIndexOf('\n');
    const found = offset < text.length ? JSON.stringify(text.slice(offset, offset + 12)) : 'the end of the body';
    const message = `the body is not JSON: expected ${expected} at line ${line}, column ${column}, found ${found}`;
    throw new ServingError('invalid_request', message, { cause });
  }
}

interface JsonError {
  readonly offset: number;
  readonly expected: string;
}

type Want = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or }' | 'comma or ]' | 'end';

const expectations: Record<Want, string> = {
  value: 'a value',
  'value or ]': 'a value or "]"',
  key: 'a quoted field name',
  'key or }': 'a quoted field name or "}"',
  colon: '":"',
  'comma or }': '"," or "}"',
  'comma or ]': '"," or "]"',
  end: 'nothing more',
};

/** Walks text that `JSON.parse` refused. A stack of brackets instead of recursion: a body may nest a million deep. */
function firstJsonError(text: string): JsonError {
  const open: ('{' | '[')[] = [];
  let want: Want = 'value';
  let at = 0;
  const afterValue = (): Want => {
    const bracket = open.at(-1);
    if (bracket === undefined) return 'end';
    return bracket === '{' ? 'comma or }' : 'comma or ]';
  };
  for (;;) {
    while (isSpace(text.charCodeAt(at))) at += 1;
    const char = text[at];
    if (want === 'end' || char === undefined) return { offset: at, expected: expectations[want] };
    const wantsValue: boolean = want === 'value' || want === 'value or ]';
    const wantsKey: boolean = want === 'key' || want === 'key or }';
    if (char === '"' && (wantsValue || wantsKey)) {
      const end = stringEnd(text, at);
      if (typeof end !== 'number') return end;
      at = end;
      want = wantsKey ? 'colon' : afterValue();
    } else if (wantsValue && (char === '{' || char === '[')) {
      open.push(char);
      want = char === '{' ? 'key or }' : 'value or ]';
      at += 1;
    } else if (char === (open.at(-1) === '{' ? '}' : ']') && /[}\]]$/.test(want)) {
      open.pop();
      want = afterValue();
      at += 1;
    } else if (char === ',' && want.startsWith('comma')) {
      want = open.at(-1) === '{' ? 'key' : 'value';
      at += 1;
    } else if (char === ':' && want === 'colon') {
      want = 'value';
      at += 1;
    } else {
      const length = wantsValue ? scalarLength(text, at) : 0;
      if (length === 0) return { offset: at, expected: expectations[want] };
      at += length;
      want = afterValue();
    }
  }
}

/** Offset behind the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number | JsonError {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return { offset: at, expected: 'an escape for this control character' };
    if (code !== 0x5c) continue;
    if (!/^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(at + 1, at + 6))) {
      return { offset: at, expected: 'an escape such as \\n or \\u00e9' };
    }
    at += 1;
  }
  return { offset: text.length, expected: 'a closing quote' };
}

function scalarLength(text: string, start: number): number {
  const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
  scalar.lastIndex = start;
  return scalar.exec(text)?.[0].length ?? 0;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}
