import type { SequenceRequest } from '../../../packages/worker/src/engine/sequence.js';
import type { Scenario } from '../scenario.js';
import type { Checker } from './checker.js';

/** Bad requests, those that can never fit and those beyond the queue's bound are refused by the right name; no others. */
export const refusals: Checker = (history, scenario) => {
  const violations: string[] = [];
  const live = new Set<string>();
  let draining = false;
  for (const record of history) {
    if (record.kind === 'drain') draining = true;
    if (record.kind === 'events') {
      for (const { kind, id } of record.events) if (kind === 'finished' || kind === 'failed') live.delete(id);
    }
    if (record.kind !== 'submit') continue;
    const { request, refusal, loadBefore } = record;
    const full = loadBefore.waiting >= scenario.options.waitingMax ? 'queue_full' : undefined;
    const expected = draining ? 'draining' : (badly(request, live, scenario) ?? full);
    if (refusal !== expected) violations.push(`${request.id}: ${refusal ?? 'taken'}, expected ${expected ?? 'taken'}`);
    if (refusal === undefined) live.add(request.id);
  }
  return violations;
};

function badly(request: SequenceRequest, live: ReadonlySet<string>, scenario: Scenario): string | undefined {
  const { contextTokens } = scenario.limits;
  const promptTokens = request.promptIds.length;
  if (live.has(request.id) || promptTokens === 0) return 'invalid_request';
  const tokens = Math.min(contextTokens, promptTokens + request.tokensMax);
  const blocksMax = Math.floor(scenario.options.kvTokensMax / 16);
  return promptTokens >= contextTokens || Math.ceil(tokens / 16) > blocksMax ? 'context_length_exceeded' : undefined;
}
