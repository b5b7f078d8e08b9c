import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkText, openAnswers } from './content-check.js';
import { parseContentRules } from './content-rules.js';

const mail = { pattern: '\\b[\\w.]+@\\w+\\.(com|org)\\b', replacement: '<mail>', matchCharactersMax: 40 };

function rules(file: object) {
  return parseContentRules(JSON.stringify(file));
}

/** What goes out of an answer that comes in these pieces; undefined when it is refused. */
function streamed(checks: ReturnType<typeof rules>, pieces: readonly string[]): string | undefined {
  const answer = openAnswers(checks);
  let out = '';
  for (const piece of pieces) {
    const verdict = answer.write(piece);
    if (verdict.kind === 'refuse') return undefined;
    out += verdict.text;
  }
  const end = answer.end();
  return end.kind === 'refuse' ? undefined : out + end.text;
}

describe('parseContentRules', () => {
  it('redacts prompts', () => {
    expect(checkText(rules({ redact: [mail] }), 'to a.b@c.com, and d@e.org.')).toEqual({
      kind: 'pass',
      text: 'to <mail>, and <mail>.',
    });
  });

  it('refuses prompts with a denied phrase, whatever its case', () => {
    const checks = rules({ deny: ['secret plan'] });
    expect(checkText(checks, 'the SECRET Plan').kind).toBe('refuse');
    expect(checkText(checks, 'the secret, plan').kind).toBe('pass');
  });

  it('redacts an answer however it is cut into pieces', () => {
    const text = 'Write to some.body@example.com or x@y.org! Not to z@nowhere, though; a@b.com';
    const checks = rules({ redact: [mail, { pattern: '\\d{3}' }] });
    const whole = checkText(checks, text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 80, maxLength: 80 }), (lengths) => {
        const pieces: string[] = [];
        for (let at = 0; at < text.length; at += pieces.at(-1)!.length) {
          pieces.push(text.slice(at, at + lengths[pieces.length]!));
        }
        expect(pass(streamed(checks, pieces))).toEqual(whole);
      }),
    );
  });

  it('does not take the middle of a word for its beginning because the word came in pieces', () => {
    const checks = rules({ redact: [{ pattern: '\\b\\d{4}\\b', matchCharactersMax: 4 }] });
    expect(streamed(checks, ['a', '1', '2', '3', '4', '5 ', '6', '789'])).toBe('a12345 [redacted]');
  });

  it('never lets the beginning of a denied phrase out that its end would have stopped', () => {
    const checks = rules({ deny: ['forbidden'] });
    const answer = openAnswers(checks);
    let out = '';
    for (const piece of ['This is for', 'bid']) {
      const verdict = answer.write(piece);
      if (verdict.kind === 'pass') out += verdict.text;
    }
    expect('This is '.startsWith(out)).toBe(true);
    expect(answer.write('den fruit').kind).toBe('refuse');
    expect(streamed(checks, ['for', 'bid', ' it'])).toBe('forbid it');
  });

  it('holds back no more than a match may have', () => {
    const answer = openAnswers(rules({ redact: [mail] }));
    const verdict = answer.write('x'.repeat(500));
    expect(verdict.kind === 'pass' && verdict.text.length).toBeGreaterThanOrEqual(460);
  });

  it('comes to an end with a pattern that matches nothing at all', () => {
    expect(streamed(rules({ redact: [{ pattern: 'x*', replacement: '-' }] }), ['ab', 'xxc'])).toBe('ab-c');
  });

  it.each([
    ['[]', 'must be'],
    ['{"redact":[{"pattern":"("}]}', 'redact[0].pattern: "(" is no regular expression'],
    ['{"redact":[{"pattern":"a","flags":"g"}]}', 'redact[0].flags'],
    ['{"deny":[""]}', 'deny[0]: an empty string must'],
    ['{"allow":[]}', 'allow'],
    ['nonsense', 'not JSON'],
  ])('says what is wrong with %s', (text, problem) => {
    expect(() => parseContentRules(text)).toThrow(problem);
  });
});

function pass(text: string | undefined) {
  return { kind: 'pass', text };
}
