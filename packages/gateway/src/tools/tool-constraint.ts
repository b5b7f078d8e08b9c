import type { ConstraintInit } from '@sluice/proto';
import { toolFormat } from './formats.js';
import type { Tool, ToolUse } from './tool-use.js';

/**
 * What holds an answer to the tools of its request; undefined where the model may write anything. In `auto` it is free
 * text in which a call that begins has to be a right one, and is there where a tool is strict, only some may be called, or
 * only one call may come; arguments of tools that are not strict are any object then. `required` calls follow the
 * schemas, strict or not, and nothing is around them.
 * @param otherwise what an answer that calls nothing has to be, in `auto`; undefined: any text.
 */
export function toolConstraint(use: ToolUse, otherwise: ConstraintInit | undefined): ConstraintInit | undefined {
  const tools = use.tools.filter(({ name }) => use.names.includes(name));
  if (use.mode === 'required') return structuralTag(callsFormat(tools, use, true));
  if (otherwise !== undefined)
    return structuralTag({ type: 'or', elements: [formatOf(otherwise), callsFormat(tools, use, false)] });
  const isFree = use.callsMax > 1 && tools.length === use.tools.length && !tools.some(({ isStrict }) => isStrict);
  return isFree ? undefined : structuralTag(triggeredFormat(tools, use));
}

/** Formats of a structural tag, as XGrammar takes them (its documentation, "Structural Tag"). */
type TagFormat =
  | { readonly type: 'json_schema'; readonly json_schema: unknown }
  | { readonly type: 'regex'; readonly pattern: string }
  | { readonly type: 'grammar'; readonly grammar: string }
  | { readonly type: 'const_string'; readonly value: string }
  | { readonly type: 'or'; readonly elements: readonly TagFormat[] }
  | Tag
  | {
      readonly type: 'tags_with_separator';
      readonly tags: readonly Tag[];
      readonly separator: string;
      readonly at_least_one: boolean;
      readonly stop_after_first: boolean;
    }
  | {
      readonly type: 'triggered_tags';
      readonly triggers: readonly string[];
      readonly tags: readonly Tag[];
      readonly at_least_one: boolean;
      readonly stop_after_first: boolean;
    };

interface Tag {
  readonly type: 'tag';
  readonly begin: string;
  readonly content: TagFormat;
  readonly end: string;
}

/** Calls and nothing else. */
function callsFormat(tools: readonly Tool[], use: ToolUse, isStrict: boolean): Tag {
  const { before, between, separator, after } = toolFormat(use.format).written;
  const tags = tools.map((tool) => tag(tool.name + between, argumentsFormat(tool, isStrict), ''));
  const stopsAfterFirst = use.callsMax === 1;
  const calls = { type: 'tags_with_separator', tags, separator, at_least_one: true } as const;
  return tag(before, { ...calls, stop_after_first: stopsAfterFirst }, after);
}

/** Text with calls in it. */
function triggeredFormat(tools: readonly Tool[], use: ToolUse): TagFormat {
  const { before, between, after, trigger } = toolFormat(use.format).written;
  const bare = tools.map((tool) => tag(before + tool.name + between, argumentsFormat(tool, false), after));
  return {
    type: 'triggered_tags',
    triggers: trigger === undefined ? tools.map(({ name }) => `${before}${name}"`) : [trigger],
    tags: trigger === undefined ? bare : [callsFormat(tools, use, false)],
    at_least_one: false,
    stop_after_first: use.callsMax === 1,
  };
}

function argumentsFormat({ isStrict, parameters }: Tool, areAllStrict: boolean): TagFormat {
  return { type: 'json_schema', json_schema: isStrict || areAllStrict ? { type: 'object', ...parameters } : anyObject };
}

const anyObject = { type: 'object', additionalProperties: true };

function formatOf(constraint: ConstraintInit): TagFormat {
  if (constraint.jsonSchema !== undefined)
    return { type: 'json_schema', json_schema: JSON.parse(constraint.jsonSchema) };
  if (constraint.regex !== undefined) return { type: 'regex', pattern: constraint.regex };
  if (constraint.grammar !== undefined) return { type: 'grammar', grammar: constraint.grammar };
  if (constraint.choice) {
    const elements = (constraint.choice.texts ?? []).map((value) => ({ type: 'const_string', value }) as const);
    return { type: 'or', elements };
  }
  return { type: 'json_schema', json_schema: anyObject };
}

function tag(begin: string, content: TagFormat, end: string): Tag {
  return { type: 'tag', begin, content, end };
}

function structuralTag(format: TagFormat): ConstraintInit {
  return { form: 'structuralTag', structuralTag: JSON.stringify({ type: 'structural_tag', format }) };
}
