import { RuleList, TooManyRules } from '../rule-list.js';
import { PatternError } from './parse-pattern.js';
import { asText, patternEbnf } from './pattern-ebnf.js';

/** A grammar of the texts that a regular expression matches as a whole. @throws PatternError as `patternEbnf`. */
export function regexGrammar(text: string): string {
  const rules = new RuleList();
  try {
    return rules.grammar(patternEbnf(text, false, asText, rules));
  } catch (failure) {
    if (!(failure instanceof TooManyRules)) throw failure;
    throw new PatternError('an expression of so many repetitions is not supported');
  }
}
