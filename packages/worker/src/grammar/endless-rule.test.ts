import { describe, expect, it } from 'vitest';
import { endlessRule } from './endless-rule.js';

describe('endlessRule', () => {
  it.each([
    ['root ::= "a" root', 'root'],
    ['root ::= "b" | "a" x\nx ::= [c-e] x # | "b"\n', 'x'],
    ['root ::= a\na ::= b "x"\nb ::= a | a a', 'root'],
    ['root ::= ("a" x)*\nx ::= ("a"{400}){400}', 'x'],
    [`root ::= ${'('.repeat(300)}"a"${')'.repeat(300)}`, 'root'],
    ['root ::= TagDispatch(("a", x), stop_eos=true)\nx ::= x "a"', 'x'],
  ])('names the one of %j', (grammar, name) => {
    expect(endlessRule(grammar)?.name).toBe(name);
  });

  it.each([
    'root ::= "a" root | "b"',
    'root ::= "a" root?',
    'root ::= ("a" root)* "\\"" [^"\\]|(] # x ::= x',
    'root ::= "a root ::= root" other\nother ::= "x"{2,}\nunused ::= unused',
    'root ::= x{0,3}\nx ::= "" | x x',
    'root ::= ("a"{300}){300}',
    // Mistakes are told of by whoever compiles it.
    'root ::= missing (',
    'other ::= "a"',
    '',
  ])('finds none in %j', (grammar) => {
    expect(endlessRule(grammar)).toBeUndefined();
  });

  it('tells of thousands of rules at once, whatever their order', () => {
    const rules = Array.from({ length: 4_000 }, (_, i) => `r${i} ::= "a" r${i + 1}`);
    const chain = [...rules, 'r4000 ::= "b"'];
    expect(endlessRule(['root ::= r0', ...chain].join('\n'))).toBeUndefined();
    expect(endlessRule(['root ::= r0', ...chain.toReversed()].join('\n'))).toBeUndefined();
    expect(endlessRule(['root ::= "x" | r0', ...rules, 'r4000 ::= r0'].join('\n'))).toEqual({
      name: 'r0',
      problem: 'has no text that comes to an end',
      hasText: false,
    });
  });
});
