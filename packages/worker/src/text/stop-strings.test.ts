import { ServingError } from '@sluice/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopStrings } from './stop-strings.js';

describe('StopStrings.push', () => {
  it('passes text on at once when there is nothing to stop at', () => {
    expect(new StopStrings([]).push('any')).toEqual({ text: 'any', stop: undefined });
  });

  it('ends the text before a stop string that comes in pieces', () => {
    const stops = new StopStrings(['###']);
    expect(stops.push('one #')).toEqual({ text: 'one ', stop: undefined });
    expect(stops.push('#')).toEqual({ text: '', stop: undefined });
    expect(stops.push('# two')).toEqual({ text: '', stop: '###' });
  });

  it('gives back what only looked like the beginning of one', () => {
    const stops = new StopStrings(['END']);
    expect(stops.push('the EN').text).toBe('the ');
    expect(stops.push('D of').stop).toBe('END');
    const others = new StopStrings(['END']);
    expect(others.push('EN').text).toBe('');
    expect(others.push('EMY').text).toBe('ENEMY');
  });

  it('holds back no more than the beginning of a stop string', () => {
    const stops = new StopStrings(['aab']);
    expect(stops.push('aaaa').text).toBe('aa');
    expect(stops.push('b')).toEqual({ text: '', stop: 'aab' });
  });

  it('takes the stop string that is complete first, of equals the longest', () => {
    expect(new StopStrings(['bcd', 'c']).push('abcd')).toEqual({ text: 'ab', stop: 'c' });
    expect(new StopStrings(['c', 'abc']).push('xabc')).toEqual({ text: 'x', stop: 'abc' });
  });

  it('refuses an empty stop string, which any text would meet', () => {
    expect(() => new StopStrings(['a', ''])).toThrow(ServingError);
  });

  it('does the same however the text is cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\u{1F600}'), maxLength: 40 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\u{1F600}'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), fc.array(stop, { maxLength: 4 }), (pieces, stops) => {
        expect(streamed(pieces, stops)).toEqual(atOnce(pieces.join(''), stops));
      }),
      { numRuns: 2000 },
    );
  });

  it('has passed on everything that cannot belong to a stop string', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 20 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(text, fc.array(stop, { minLength: 1, maxLength: 3 }), (whole, stops) => {
        const watched = new StopStrings(stops);
        const outcome = watched.push(whole);
        if (outcome.stop !== undefined) return;
        const heldBack = whole.slice(outcome.text.length);
        expect(heldBack).toBe(longestEndThatBegins(whole, stops));
      }),
    );
  });
});

describe('StopStrings.flush', () => {
  it('gives the text that was held back when the sequence ends otherwise', () => {
    const stops = new StopStrings(['stop']);
    expect(stops.push('a sto').text).toBe('a ');
    expect(stops.flush()).toBe('sto');
    expect(stops.flush()).toBe('');
  });
});

function streamed(pieces: readonly string[], stops: readonly string[]): { text: string; stop: string | undefined } {
  const watched = new StopStrings(stops);
  let text = '';
  for (const piece of pieces) {
    const outcome = watched.push(piece);
    text += outcome.text;
    if (outcome.stop !== undefined) return { text, stop: outcome.stop };
  }
  return { text: text + watched.flush(), stop: undefined };
}

/** The rule said over the whole text: shortest beginning that ends with a stop string, then the longest such string. */
function atOnce(text: string, stops: readonly string[]): { text: string; stop: string | undefined } {
  for (let end = 1; end <= text.length; end++) {
    const met = stops.filter((stop) => text.slice(0, end).endsWith(stop)).sort((a, b) => b.length - a.length)[0];
    if (met !== undefined) return { text: text.slice(0, end - met.length), stop: met };
  }
  return { text, stop: undefined };
}

function longestEndThatBegins(text: string, stops: readonly string[]): string {
  for (let start = 0; start < text.length; start++) {
    const end = text.slice(start);
    if (stops.some((stop) => stop.length > end.length && stop.startsWith(end))) return end;
  }
  return '';
}
