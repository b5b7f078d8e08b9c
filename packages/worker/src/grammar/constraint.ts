import type { Constraint } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { atMost, invalid, wellFormed } from '../service/ranges.js';
import { classBeyondAscii, literal } from './ebnf.js';
import { endlessRule } from './endless-rule.js';
import type { GrammarSource } from './grammar-source.js';
import { PatternError } from './pattern/parse-pattern.js';
import { regexGrammar } from './pattern/regex-grammar.js';
import { SchemaError } from './schema/json-schema.js';
import { schemaEbnf } from './schema/schema-ebnf.js';
import { structuralTag } from './structural-tag.js';

/** UTF-16 units of each form. */
export const constraintLimits = {
  schemaCharacters: 65_536,
  regexCharacters: 4_096,
  choices: 1_024,
  choiceCharacters: 65_536,
  grammarCharacters: 65_536,
  structuralTagCharacters: 262_144,
} as const;

/** Of JSON; a schema's own nesting is bounded far below. */
const LEVELS_MAX = 256;

/**
 * What a request's text has to be, as a grammar; the library has not seen it yet.
 * @throws ServingError `invalid_request`, or `unsupported_parameter` for what a constraint may say and is not done here;
 * the field is that of worker.proto, and the message names keyword and place.
 */
export function parseConstraint(constraint: Partial<Constraint>): GrammarSource {
  const limits = constraintLimits;
  switch (constraint.form) {
    case 'jsonSchema': {
      const field = 'constraint.json_schema';
      const text = constraint.jsonSchema ?? '';
      atMost(field, text.length, limits.schemaCharacters, 'characters');
      return { language: 'ebnf', text: inField(field, () => schemaEbnf(parsed(field, text))), field };
    }
    case 'jsonObject': {
      const field = 'constraint.json_object';
      if (constraint.jsonObject !== true) throw invalid(field, `${field} must be true where it is set`);
      return { language: 'ebnf', text: schemaEbnf({ type: 'object' }), field };
    }
    case 'regex': {
      const field = 'constraint.regex';
      const text = constraint.regex ?? '';
      atMost(field, text.length, limits.regexCharacters, 'characters');
      return { language: 'ebnf', text: inField(field, () => regexGrammar(text)), field };
    }
    case 'choice':
      return choiceGrammar(constraint.choice?.texts ?? []);
    case 'grammar': {
      const field = 'constraint.grammar';
      const text = constraint.grammar ?? '';
      atMost(field, text.length, limits.grammarCharacters, 'characters');
      wellFormed(field, text);
      return { language: 'ebnf', text: ownGrammar(field, text), field };
    }
    case 'structuralTag': {
      const field = 'constraint.structural_tag';
      const text = constraint.structuralTag ?? '';
      atMost(field, text.length, limits.structuralTagCharacters, 'characters');
      return { language: 'structuralTag', text: inField(field, () => structuralTag(parsed(field, text))), field };
    }
    default:
      throw invalid('constraint', 'constraint is empty: one of its forms must be set');
  }
}

/** A grammar in the caller's words. */
function ownGrammar(field: string, text: string): string {
  const endless = endlessRule(text);
  if (endless !== undefined) {
    throw invalid(field, `${field}: the rule "${endless.name}" ${endless.problem}`);
  }
  const beyond = classBeyondAscii(text);
  if (beyond === undefined) return text;
  throw unsupported(field, `the class ${beyond.slice(0, 100)} names a character beyond ASCII; write it as "…" instead`);
}

function choiceGrammar(texts: readonly string[]): GrammarSource {
  const field = 'constraint.choice';
  if (texts.length === 0) throw invalid(field, `${field} must hold a text`);
  atMost(field, texts.length, constraintLimits.choices, 'texts');
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  atMost(field, characters, constraintLimits.choiceCharacters, 'characters');
  for (const [index, text] of texts.entries()) {
    if (text === '') throw invalid(`${field}[${index}]`, `${field}[${index}] must not be empty`);
    wellFormed(`${field}[${index}]`, text);
  }
  return { language: 'ebnf', text: `root ::= ${[...new Set(texts)].map(literal).join(' | ')}\n`, field };
}

function parsed(field: string, text: string): unknown {
  wellFormed(field, text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (failure) {
    throw invalid(field, `${field} is not JSON: ${(failure as Error).message}`);
  }
  // What reads it goes down with it, on a stack that ends somewhere.
  atMost(field, levelsOf(text), LEVELS_MAX, 'levels of objects and arrays');
  return value;
}

/** How deep a JSON text goes. */
function levelsOf(json: string): number {
  let [level, deepest] = [0, 0];
  for (const [token] of json.matchAll(/"(?:\\.|[^"\\])*"|[[\]{}]/g)) {
    if (token === '[' || token === '{') level += 1;
    else if (token === ']' || token === '}') level -= 1;
    deepest = Math.max(deepest, level);
  }
  return deepest;
}

function inField<Result>(field: string, read: () => Result): Result {
  try {
    return read();
  } catch (failure) {
    if (failure instanceof PatternError) throw unsupported(field, failure.message);
    if (!(failure instanceof SchemaError)) throw failure;
    throw failure.isUnsupported ? unsupported(field, failure.message) : invalid(field, `${field}: ${failure.message}`);
  }
}

function unsupported(field: string, problem: string): ServingError {
  return new ServingError('unsupported_parameter', `${field}: ${problem}`, { field });
}
