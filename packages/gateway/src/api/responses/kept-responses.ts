import { ServingError } from '@sluice/shared';
import type { ResponseStore } from '@sluice/store';
import { preview } from '../field-error.js';
import type { GenerationCall } from '../generation-call.js';
import type { ResponseItem } from './response-items.js';
import type { OutputItem } from './response-object.js';
import { continued } from './response-terms.js';

export interface KeptResponse {
  /** The object as its caller got it, JSON. */
  readonly json: string;
  /** What it was the answer to, that of earlier responses included. */
  readonly items: readonly ResponseItem[];
}

/** Responses that one caller may ask for again or go on behind. */
export interface OwnResponses {
  /** @throws (rejects) ServingError `not_found`, `responses_unavailable`. */
  find(id: string): Promise<KeptResponse>;
  /** @throws (rejects) ServingError `not_found`, `responses_unavailable`. */
  remove(id: string): Promise<void>;
  /** In its own time; one that cannot be kept is not there later. Both texts are JSON. */
  keep(id: string, response: string, items: string): void;
}

const idPattern = /^resp_[a-z0-9]{1,64}$/;

export function ownResponses(store: ResponseStore, owner: string): OwnResponses {
  return {
    find: async (id) => {
      const read = idPattern.test(id) ? await store.read(id, owner) : ({ kind: 'unknown' } as const);
      if (read.kind === 'unavailable') throw unavailable();
      if (read.kind === 'unknown') throw notFound(id);
      // JSON on one line each, so that the response need not be read to be given out.
      const [json = '', items = '[]'] = read.text.split('\n');
      return { json, items: JSON.parse(items) as readonly ResponseItem[] };
    },
    remove: async (id) => {
      const removed = idPattern.test(id) ? await store.remove(id, owner) : 'unknown';
      if (removed === 'unavailable') throw unavailable();
      if (removed === 'unknown') throw notFound(id);
    },
    keep: (id, response, items) => void store.put(id, owner, `${response}\n${items}`),
  };
}

/**
 * The call behind the response that it names as its previous one.
 * @throws (rejects) ServingError `previous_response_not_found`, `responses_unavailable`, and as {@link continued}.
 */
export async function continueResponse(call: GenerationCall, responses: OwnResponses): Promise<GenerationCall> {
  const { response: terms } = call;
  const previousId = terms?.echo.previous_response_id;
  if (terms === undefined || typeof previousId !== 'string') return call;
  const { json, items } = await responses.find(previousId).catch((error: unknown) => {
    throw error instanceof ServingError && error.code === 'not_found' ? previousNotFound(previousId) : error;
  });
  const { output } = JSON.parse(json) as { readonly output: readonly OutputItem[] };
  return continued(call, terms, [...items, ...output]);
}

function previousNotFound(id: string): ServingError {
  const field = 'previous_response_id';
  return new ServingError('previous_response_not_found', `${field}: ${preview(id)} ${whyNot}`, { field });
}

function notFound(id: string): ServingError {
  return new ServingError('not_found', `there is no response ${preview(id)}: it ${whyNot}`);
}

const whyNot = 'was never kept for this caller, was deleted or has expired';

function unavailable(): ServingError {
  return new ServingError('responses_unavailable', 'kept responses cannot be read at the moment; try again shortly');
}
