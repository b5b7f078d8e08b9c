import { fieldError } from '../api/field-error.js';

/** A function that a model may ask its caller to call. */
export interface Tool {
  readonly name: string;
  readonly description: string | undefined;
  /** A JSON schema of an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Whether the arguments have to follow the schema even where the model calls it of its own accord. */
  readonly isStrict: boolean;
}

/** The tools of a request, whichever API it came by, and what may be done with them. */
export interface ToolUse {
  /** All that the model is told of. */
  readonly tools: readonly Tool[];
  /** `auto`: it calls tools or writes text; `required`: it calls at least one. */
  readonly mode: 'auto' | 'required';
  /** Those that may be called. */
  readonly names: readonly string[];
  /** Most calls of one answer. */
  readonly callsMax: number;
  /** How the serving model writes calls, a name of `tools/formats.ts`; empty until the model is known. */
  readonly format: string;
}

/** What a request says about which tools are to be called. */
export type ToolChoice =
  | { readonly kind: 'auto' | 'none' | 'required' }
  /** Of the tools only these. */
  | { readonly kind: 'only'; readonly mode: 'auto' | 'required'; readonly names: readonly string[] }
  /** This one, once. */
  | { readonly kind: 'named'; readonly name: string };

/** Most tools of one request, and most calls of one answer. */
export const TOOLS_MAX = 128;

/** Schema of functions that take nothing. */
export const noParameters = { type: 'object', properties: {} } as const;

/**
 * Undefined where no tool may be called: then the model is not told of any.
 * @throws ServingError `invalid_request` for two tools of one name, and a choice of what is not among them.
 */
export function toolUse(tools: readonly Tool[], choice: ToolChoice, isParallel: boolean): ToolUse | undefined {
  const names = tools.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice >= 0) throw fieldError(`tools[${twice}]`, `the name ${JSON.stringify(names[twice])} is there twice`);
  const common = { tools, callsMax: isParallel ? TOOLS_MAX : 1, format: '' };
  switch (choice.kind) {
    case 'none':
      return undefined;
    case 'auto':
      return tools.length === 0 ? undefined : { ...common, mode: 'auto', names };
    case 'required':
      if (tools.length === 0) throw fieldError('tool_choice', '"required" must come with tools');
      return { ...common, mode: 'required', names };
    case 'only':
      for (const name of choice.names) checkIsThere(name, names);
      return { ...common, mode: choice.mode, names: choice.names };
    case 'named':
      checkIsThere(choice.name, names);
      return { ...common, mode: 'required', names: [choice.name], callsMax: 1 };
  }
}

/** The tools as chat templates take them: OpenAI's `tools`, members always in the same order. */
export function toolsJson({ tools }: ToolUse): string {
  return JSON.stringify(
    tools.map(({ name, description, parameters }) => ({
      type: 'function',
      function: { name, ...(description === undefined ? {} : { description }), parameters },
    })),
  );
}

function checkIsThere(name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  const known = names.length === 0 ? 'there are none' : names.map((known) => JSON.stringify(known)).join(', ');
  throw fieldError('tool_choice', `${JSON.stringify(name)} must be one of the tools: ${known.slice(0, 300)}`);
}
