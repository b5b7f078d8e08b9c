import type { GenerationCall } from '../generation-call.js';
import { chatMessages, checkOutputs, type ResponseItem } from './response-items.js';
import type { ToolEcho } from './response-tools.js';

/** What a request for a response says beyond the call that it is. */
export interface ResponseTerms {
  /** What the response repeats of it, in the published names. */
  readonly echo: ResponseEcho;
  /** All in front of the answer, that of earlier responses included. */
  readonly items: readonly ResponseItem[];
}

export interface ResponseEcho extends ToolEcho {
  readonly instructions: string | null;
  readonly max_output_tokens: number | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly previous_response_id: string | null;
  readonly prompt_cache_key: string | null;
  readonly safety_identifier: string | null;
  readonly store: boolean;
  readonly temperature: number;
  readonly text: { readonly format: object; readonly verbosity: 'medium' };
  readonly top_logprobs: number;
  readonly top_p: number;
  readonly user: string | null;
}

/**
 * The call with its prompt, behind the items of earlier responses.
 * @throws ServingError `invalid_request` for an output without its call.
 */
export function continued(
  call: GenerationCall,
  terms: ResponseTerms,
  earlier: readonly ResponseItem[],
): GenerationCall {
  const items = [...earlier, ...terms.items];
  checkOutputs(items, earlier.length);
  const { messages, places } = chatMessages(terms.echo.instructions ?? undefined, items, earlier.length);
  return {
    ...call,
    prompts: [{ kind: 'messages', json: JSON.stringify(messages), places }],
    response: { ...terms, items },
  };
}
