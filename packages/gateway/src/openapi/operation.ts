import type { z } from 'zod';
import type { RequestBody } from './body-schema.js';
import type { ErrorGroup } from './errors.js';

export type Tag = 'OpenAI' | 'Anthropic' | 'Sluice' | 'Operation';

/** One method of one path, as the API's description has it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'delete';
  /** OpenAPI's template: `/v1/models/{model}`. */
  readonly path: string;
  readonly tag: Tag;
  /** One line. */
  readonly summary: string;
  /** More, in Markdown. */
  readonly description?: string;
  readonly body?: RequestBody;
  /** What the parts of the path are. */
  readonly places?: Readonly<Record<string, string>>;
  /** Of headers that it reads beside those of every request. */
  readonly headers?: readonly Header[];
  readonly answer: Answer;
  readonly errors: readonly ErrorGroup[];
  /** Whether it is for everybody, with credentials or without. */
  readonly isOpen?: boolean;
}

export interface Header {
  readonly name: string;
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly description: string;
  /** As JSON. */
  readonly json?: z.ZodType;
  /** The data of each server-sent event, where the request asks for a stream. */
  readonly event?: z.ZodType;
  /** Another content type. */
  readonly type?: string;
}
