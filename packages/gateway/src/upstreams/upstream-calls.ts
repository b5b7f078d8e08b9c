import { toolFormat } from '../tools/formats.js';
import type { ToolUse } from '../tools/tool-use.js';

/** What a chunk says of a call. */
export interface UpstreamCall {
  readonly index: number;
  /** Undefined but in the first chunk of a call. */
  readonly name: string | undefined;
  /** More of its JSON. */
  readonly arguments: string;
}

/** The fields of a request that are about tools. Where only some may be called, the upstream hears of no others. */
export function toolFields({ tools, names, mode, callsMax }: ToolUse) {
  const isNamed = mode === 'required' && names.length === 1 && callsMax === 1;
  return {
    tools: tools
      .filter(({ name }) => names.includes(name))
      .map(({ name, description, parameters, isStrict }) => ({
        type: 'function',
        function: { name, description, parameters, ...(isStrict ? { strict: true } : {}) },
      })),
    ...(isNamed ? { tool_choice: { type: 'function', function: { name: names[0] } } } : {}),
    ...(mode === 'required' && !isNamed ? { tool_choice: 'required' } : {}),
    ...(callsMax === 1 && !isNamed ? { parallel_tool_calls: false } : {}),
  };
}

/**
 * An upstream has read the calls out of its answer; here they become text again, as a model of the format would have
 * written it, so that an answer is one text whoever gave it: for checks of content, for journals and for the parser.
 */
export class UpstreamCallText {
  readonly #written: ReturnType<typeof toolFormat>['written'];
  /** Of the call that is open. */
  #index: number | undefined;
  #hasArguments = false;

  constructor({ format }: Pick<ToolUse, 'format'>) {
    this.#written = toolFormat(format).written;
  }

  /** The text of one chunk, whose plain text comes before its calls. */
  write(text: string, calls: readonly UpstreamCall[]): string {
    let all = text === '' ? '' : this.end() + text;
    for (const { index, name, arguments: json } of calls) {
      if (index !== this.#index && name !== undefined) all += this.#begin(index, name);
      if (json === '' || index !== this.#index) continue;
      this.#hasArguments = true;
      all += json;
    }
    return all;
  }

  /** What closes the call that is open. */
  end(): string {
    if (this.#index === undefined) return '';
    this.#index = undefined;
    return this.#closedArguments() + this.#written.after;
  }

  #begin(index: number, name: string): string {
    const { before, between, separator } = this.#written;
    const front = this.#index === undefined ? before : this.#closedArguments() + separator;
    this.#index = index;
    this.#hasArguments = false;
    return front + JSON.stringify(name).slice(1, -1) + between;
  }

  #closedArguments(): string {
    return this.#hasArguments ? '' : '{}';
  }
}
