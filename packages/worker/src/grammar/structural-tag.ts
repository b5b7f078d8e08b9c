import { classBeyondAscii } from './ebnf.js';
import { endlessRule } from './endless-rule.js';
import { regexGrammar } from './pattern/regex-grammar.js';
import { isObject, malformed, SchemaError } from './schema/json-schema.js';
import { schemaEbnf } from './schema/schema-ebnf.js';

const NESTING_MAX = 16;
const PARTS_MAX = 1_024;

/** The fields of each kind of part, and what they hold. */
const kinds: Readonly<Record<string, Readonly<Record<string, 'text' | 'texts' | 'flag' | 'part' | 'parts'>>>> = {
  any_text: {},
  const_string: { value: 'text' },
  grammar: { grammar: 'text' },
  sequence: { elements: 'parts' },
  or: { elements: 'parts' },
  tag: { begin: 'text', content: 'part', end: 'text' },
  triggered_tags: { triggers: 'texts', tags: 'parts', at_least_one: 'flag', stop_after_first: 'flag' },
  tags_with_separator: { tags: 'parts', separator: 'text', at_least_one: 'flag', stop_after_first: 'flag' },
};
const optional = new Set(['at_least_one', 'stop_after_first']);

/**
 * Checks a structural tag (xgrammar's format: `{"type": "structural_tag", "format": …}`) field by field, since the library
 * dies of what it does not know, and puts our own grammars in the place of schemas and regular expressions.
 * @throws SchemaError that names the field at fault.
 */
export function structuralTag(value: unknown): string {
  if (!isObject(value)) throw malformed('structural_tag', 'must be an object');
  for (const name of Object.keys(value)) {
    if (name !== 'type' && name !== 'format') throw new SchemaError(name, 'of a structural tag is not supported');
  }
  if (value.type !== 'structural_tag') throw malformed('type', 'of a structural tag must be "structural_tag"');
  return JSON.stringify({ type: 'structural_tag', format: new PartReader().read(value.format, 'format', 0) });
}

class PartReader {
  #parts = 0;

  read(value: unknown, name: string, depth: number): unknown {
    if (!isObject(value)) throw malformed(name, 'must be a part of a structural tag');
    this.#parts += 1;
    if (depth > NESTING_MAX) throw new SchemaError(name, `nests more than ${NESTING_MAX} deep`);
    if (this.#parts > PARTS_MAX) throw new SchemaError(name, `is one of more than ${PARTS_MAX} parts`);
    const { type, ...fields } = value;
    if (type === 'json_schema') return grammarPart(schemaEbnf(only(fields, 'json_schema')));
    if (type === 'regex') return grammarPart(regexGrammar(text(fields, 'pattern')));
    const kind = typeof type === 'string' && Object.hasOwn(kinds, type) ? kinds[type] : undefined;
    if (kind === undefined) throw new SchemaError('type', `${JSON.stringify(type)} of a part is not supported`);
    for (const field of Object.keys(fields)) {
      if (!Object.hasOwn(kind, field)) throw new SchemaError(field, `of a part of type "${type}" is not supported`);
    }
    const read: Record<string, unknown> = { type };
    for (const [field, holds] of Object.entries(kind)) {
      const held = fields[field];
      if (held === undefined && optional.has(field)) continue;
      read[field] = this.#field(held, field, holds, depth);
      if (field === 'grammar') checkGrammar(String(held));
    }
    return read;
  }

  #field(held: unknown, field: string, holds: string, depth: number): unknown {
    if (holds === 'part') return this.read(held, field, depth + 1);
    if (holds === 'parts') {
      if (!Array.isArray(held) || held.length === 0) throw malformed(field, 'must be a list of parts');
      return held.map((part) => this.read(part, field, depth + 1));
    }
    const isText = (value: unknown): boolean => typeof value === 'string';
    const isRight =
      holds === 'text'
        ? isText(held)
        : holds === 'flag'
          ? typeof held === 'boolean'
          : Array.isArray(held) && held.length > 0 && held.every(isText);
    if (!isRight) throw malformed(field, holds === 'flag' ? 'must be true or false' : 'must be text');
    return held;
  }
}

function checkGrammar(grammar: string): void {
  const endless = endlessRule(grammar);
  if (endless !== undefined) throw malformed('grammar', `holds the rule "${endless.name}", which ${endless.problem}`);
  if (classBeyondAscii(grammar) === undefined) return;
  throw new SchemaError('grammar', 'with a class that names a character beyond ASCII is not supported');
}

function grammarPart(grammar: string): unknown {
  return { type: 'grammar', grammar };
}

function only(fields: Readonly<Record<string, unknown>>, name: string): unknown {
  for (const field of Object.keys(fields)) {
    if (field !== name) throw new SchemaError(field, `beside "${name}" is not supported`);
  }
  return fields[name];
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = only(fields, name);
  if (typeof value !== 'string') throw malformed(name, 'must be text');
  return value;
}
