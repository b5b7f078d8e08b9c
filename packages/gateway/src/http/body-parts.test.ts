import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasManyParts, PARTS_MAX } from './body-parts.js';

/** An array that has so many parts, itself counted. */
function arrayOf(parts: number, part = '[]', each = 1): string {
  return `[${Array.from({ length: (parts - 1) / each }, () => part).join(',')}]`;
}

const hasMany = (json: string): boolean => hasManyParts(Buffer.from(json));

describe('hasManyParts', () => {
  it.each([
    { what: 'arrays', part: '[]', each: 1 },
    { what: 'objects', part: '{}', each: 1 },
    { what: 'objects with a name', part: '{"a":"x"}', each: 2 },
    { what: 'objects in objects', part: '{"a":{"b":[]}}', each: 5 },
  ])('draws the line behind the last of $what that may be', ({ part, each }) => {
    const most = Math.floor((PARTS_MAX - 1) / each) * each + 1;
    expect(hasMany(arrayOf(most, part, each))).toBe(false);
    expect(hasMany(arrayOf(most + each, part, each))).toBe(true);
  });

  it('draws it for nested ones and for names of one object, too', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(hasMany(nested(PARTS_MAX))).toBe(false);
    expect(hasMany(nested(PARTS_MAX + 1))).toBe(true);
    const named = (names: number) => `{${Array.from({ length: names }, (_, name) => `"${name}":1`).join(',')}}`;
    expect(hasMany(named(PARTS_MAX - 1))).toBe(false);
    expect(hasMany(named(PARTS_MAX))).toBe(true);
  });

  it('lets any number of signs pass that are text, and of numbers and strings', () => {
    const signs = '{[: "quoted" \\ \\" {[:\n'.repeat(PARTS_MAX);
    expect(hasMany(JSON.stringify({ messages: [{ content: signs }] }))).toBe(false);
    expect(hasMany(JSON.stringify(Array.from({ length: 3 * PARTS_MAX }, (_, index) => index)))).toBe(false);
    expect(hasMany(arrayOf(3 * PARTS_MAX, '":{["'))).toBe(false);
  });

  it('counts behind strings that end in backslashes and quotes as if they were others', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('\\', '"', '{', '[', ':', 'é', '\n', '𝄞')), (text) => {
        const filled = (parts: number) => `[${JSON.stringify(text.join(''))},${arrayOf(parts - 1)}]`;
        expect(hasMany(filled(PARTS_MAX))).toBe(false);
        expect(hasMany(filled(PARTS_MAX + 1))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('takes what is no JSON as it comes', () => {
    expect(hasMany('"'.repeat(PARTS_MAX + 1))).toBe(false);
    expect(hasMany(`"${'\\'.repeat(PARTS_MAX)}`)).toBe(false);
    expect(hasMany('{'.repeat(PARTS_MAX + 1))).toBe(true);
  });
});
