import { z } from 'zod';
import { errorFromIssues } from '../api/field-error.js';
import { type AnswerCheck, type ContentCheck, pass, type Verdict } from './content-check.js';

/** Longest match, where a rule does not say; characters. */
const MATCH_CHARACTERS = 64;

const redactSchema = z.strictObject({
  pattern: z.string().min(1).max(1_000),
  flags: z
    .string()
    .regex(/^[ims]*$/, 'must be of i, m, s')
    .optional(),
  replacement: z.string().max(200).optional(),
  matchCharactersMax: z.number().int().min(1).max(1_024).optional(),
});

const fileSchema = z.strictObject({
  redact: z.array(redactSchema).max(100).optional(),
  deny: z.array(z.string().min(1).max(200)).max(10_000).optional(),
});

interface Redaction {
  readonly pattern: RegExp;
  readonly replacement: string;
  readonly matchCharactersMax: number;
}

/**
 * Reads a file of rules:
 * `{"redact": [{"pattern", "flags", "replacement", "matchCharactersMax"}], "deny": ["phrase", …]}`.
 * Patterns are JavaScript's; what they match is replaced (`[redacted]`), in prompts and in answers. A prompt with a denied
 * phrase is refused, an answer with one ends before it; case does not matter.
 * @throws Error naming the field, its value and its bound.
 */
export function parseContentRules(text: string): readonly ContentCheck[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new Error(`not JSON: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  const result = fileSchema.safeParse(parsed);
  if (!result.success) throw errorFromIssues(result.error.issues, parsed);
  const { redact = [], deny = [] } = result.data;
  const redactions = redact.map(({ pattern, flags = '', replacement, matchCharactersMax }, index): Redaction => {
    try {
      return {
        pattern: new RegExp(pattern, `g${flags}`),
        replacement: replacement ?? '[redacted]',
        matchCharactersMax: matchCharactersMax ?? MATCH_CHARACTERS,
      };
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : cause;
      throw new Error(`redact[${index}].pattern: ${JSON.stringify(pattern)} is no regular expression: ${problem}`, {
        cause,
      });
    }
  });
  return [...redactions.map(redaction), ...(deny.length === 0 ? [] : [denyList(deny)])];
}

/** Replaces what matches. */
function redaction(rule: Redaction): ContentCheck {
  return {
    name: 'redact',
    checkPrompt: (text) => pass(text.replace(rule.pattern, (match) => (match === '' ? '' : rule.replacement))),
    openAnswer: () => new RedactedAnswer(rule),
  };
}

/** An answer of which so much is held back that a match which has only begun does not go out. */
class RedactedAnswer implements AnswerCheck {
  readonly #rule: Redaction;
  /** The last character that went out, which a pattern may look back at. */
  #before = '';
  #held = '';

  constructor(rule: Redaction) {
    this.#rule = rule;
  }

  write(text: string): Verdict {
    return this.#go(text, false);
  }

  end(): Verdict {
    return this.#go('', true);
  }

  #go(more: string, isEnd: boolean): Verdict {
    const { pattern, replacement, matchCharactersMax } = this.#rule;
    const text = this.#before + this.#held + more;
    let at = this.#before.length;
    // What begins behind it may be the beginning of a match.
    let safe = isEnd ? text.length : Math.max(at, text.length - matchCharactersMax + 1);
    let going = '';
    pattern.lastIndex = at;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const end = match.index + match[0].length;
      if (match.index >= safe && !isEnd) break;
      if (end === text.length && !isEnd && match[0].length < matchCharactersMax) {
        safe = match.index;
        break;
      }
      if (match[0] === '') {
        pattern.lastIndex += 1;
        continue;
      }
      going += text.slice(at, match.index) + replacement;
      at = end;
    }
    const cut = Math.max(at, safe);
    going += text.slice(at, cut);
    this.#before = text.slice(Math.max(0, cut - 1), cut);
    this.#held = text.slice(cut);
    return pass(going);
  }
}

const refusal: Verdict = { kind: 'refuse', reason: 'the content is not allowed here' };

/** Refuses texts with any of these phrases. */
function denyList(phrases: readonly string[]): ContentCheck {
  const lower = phrases.map((phrase) => phrase.toLowerCase());
  const longest = Math.max(...lower.map((phrase) => phrase.length));
  const isDenied = (text: string): boolean => {
    const inLower = text.toLowerCase();
    return lower.some((phrase) => inLower.includes(phrase));
  };
  return {
    name: 'deny',
    checkPrompt: (text) => (isDenied(text) ? refusal : pass(text)),
    openAnswer: () => {
      let held = '';
      const go = (more: string, heldMax: number): Verdict => {
        const text = held + more;
        if (isDenied(text)) return refusal;
        const cut = Math.max(0, text.length - heldMax);
        held = text.slice(cut);
        return pass(text.slice(0, cut));
      };
      return { write: (text) => go(text, longest - 1), end: () => go('', 0) };
    },
  };
}
