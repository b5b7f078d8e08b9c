import type { ServiceTermsInit } from '@sluice/proto';
import { z } from 'zod';
import { type Endpoint, endpoints } from '../api/endpoint.js';
import type { GenerationCall } from '../api/generation-call.js';
import type { ReplyHead } from '../api/reply-format.js';

/** All that decides an answer and how it is written, so that another gateway gives the very same one. */
export interface Order {
  readonly endpoint: Endpoint;
  readonly call: GenerationCall;
  /** The caller's, or drawn for it. */
  readonly seed: number;
  readonly terms: ServiceTermsInit;
  readonly session: string | undefined;
  readonly head: ReplyHead;
}

/** Another version is not read: what it means is not known. */
const version = 2;

/** Written by gateways alone, so only what would be a surprise is looked at. */
const orderShape = z.looseObject({
  v: z.literal(version),
  path: z.string(),
  seed: z.number(),
  terms: z.looseObject({ client: z.string() }),
  session: z.string().optional(),
  head: z.looseObject({ id: z.string(), model: z.string() }),
  call: z.looseObject({ stream: z.literal(true), prompts: z.array(z.looseObject({})).length(1) }),
});

/** An order as the first entry of a stream's journal. */
export function writeOrder({ endpoint, ...rest }: Order): string {
  return JSON.stringify({ v: version, path: endpoint.path, ...rest });
}

/** Undefined: this is no order that this gateway understands. */
export function readOrder(entry: string): Order | undefined {
  const parsed = orderShape.safeParse(parsedJson(entry));
  const endpoint = endpoints.find(({ path }) => path === parsed.data?.path);
  if (!parsed.success || endpoint === undefined) return undefined;
  const { seed, terms, session } = parsed.data;
  return {
    endpoint,
    seed,
    terms: terms as ServiceTermsInit,
    session,
    call: parsed.data.call as unknown as GenerationCall,
    head: parsed.data.head as unknown as ReplyHead,
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
