import { ServingError } from '@sluice/shared';
import type { LiveSequence } from './live-sequence.js';
import type { Decision } from './scheduler/policy.js';
import type { TokenGuide } from './token-guide.js';

/** While a pass runs: finds out what may come in the rows that it will give. */
export function lookAhead({ decodes, chunks }: Decision<LiveSequence>): void {
  for (const { request } of decodes) lookAheadOf(request.guide);
  for (const { sequence } of chunks) lookAheadOf(sequence.request.guide);
}

/** What goes wrong is thrown again where the answer is needed, and ends the sequence there. */
function lookAheadOf(guide: TokenGuide | undefined): void {
  try {
    if (guide?.forced().length === 0) guide.allowed();
  } catch (failure) {
    if (!(failure instanceof ServingError)) throw failure;
  }
}
