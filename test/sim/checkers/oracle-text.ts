import type { SequenceRequest } from '../../../packages/worker/src/engine/sequence.js';
import { answerAlone } from '../oracle.js';
import type { Checker } from './checker.js';

/** Every request gets the tokens that it would get alone: all of them, or the first ones when it was ended early. */
export const oracleText: Checker = (history, scenario) => {
  const violations: string[] = [];
  const live = new Map<
    string,
    { readonly request: SequenceRequest; readonly tokenIds: number[]; logprobs: unknown[] }
  >();
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) {
      live.set(record.request.id, { request: record.request, tokenIds: [], logprobs: [] });
    }
    if (record.kind !== 'events') continue;
    for (const event of record.events) {
      const one = live.get(event.id);
      if (one === undefined) continue;
      if (event.kind === 'token') {
        one.tokenIds.push(event.tokenId);
        one.logprobs.push(event.logprobs);
        continue;
      }
      live.delete(event.id);
      const alone = answerAlone(one.request, scenario);
      const whole = event.kind === 'finished' && event.reason !== 'cancelled';
      const count = whole ? alone.tokenIds.length : one.tokenIds.length;
      const expected = alone.tokenIds.slice(0, count).join(' ');
      if (one.tokenIds.join(' ') !== expected) {
        violations.push(`${event.id} got tokens ${one.tokenIds.join(' ')}; alone it gets ${expected}`);
      } else if (JSON.stringify(one.logprobs) !== JSON.stringify(alone.logprobs.slice(0, count))) {
        violations.push(`${event.id} got other log-probabilities than alone`);
      }
      if (whole && event.reason !== alone.reason) {
        violations.push(`${event.id} finished by ${event.reason}; alone by ${alone.reason}`);
      }
    }
  }
  return violations;
};
