/**
 * Looks at what goes in and out: a hook for whoever has to redact or refuse content. Checks run one behind the other, each
 * on what the one before left. None may throw, wait, or keep anything between requests.
 */
export interface ContentCheck {
  readonly name: string;
  /** One text of a prompt: a message's, or the whole prompt. */
  checkPrompt(text: string): Verdict;
  /** For one answer. */
  openAnswer(): AnswerCheck;
}

/** What may go on instead of the text, perhaps the text itself, or why nothing may. */
export type Verdict =
  | { readonly kind: 'pass'; readonly text: string }
  /** `reason` is for the caller. */
  | { readonly kind: 'refuse'; readonly reason: string };

/** One answer as it streams. After a refusal it is not called again. */
export interface AnswerCheck {
  /** Takes the next piece and gives what may go out now; it may hold back a bounded end of what it has. */
  write(text: string): Verdict;
  /** The answer is over: gives what was held back. */
  end(): Verdict;
}

export function pass(text: string): Verdict {
  return { kind: 'pass', text };
}

/** One answer through all checks. */
export function openAnswers(checks: readonly ContentCheck[]): AnswerCheck {
  const answers = checks.map((check) => check.openAnswer());
  const through = (text: string, isEnd: boolean): Verdict => {
    let passing = text;
    for (const answer of answers) {
      const verdict = passing === '' ? pass('') : answer.write(passing);
      if (verdict.kind === 'refuse') return verdict;
      passing = verdict.text;
      if (!isEnd) continue;
      const rest = answer.end();
      if (rest.kind === 'refuse') return rest;
      passing += rest.text;
    }
    return pass(passing);
  };
  return { write: (text) => through(text, false), end: () => through('', true) };
}

/** One text through all checks. */
export function checkText(checks: readonly ContentCheck[], text: string): Verdict {
  let passing = text;
  for (const check of checks) {
    const verdict = check.checkPrompt(passing);
    if (verdict.kind === 'refuse') return verdict;
    passing = verdict.text;
  }
  return pass(passing);
}
