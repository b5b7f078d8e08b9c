import { createLog, type LoadState, type ServingError, systemClock } from '@sluice/shared';
import {
  createPolicy,
  Engine,
  type ModelPort,
  type PolicyName,
  type SequenceEvent,
  type SequenceRequest,
  type StepRecord,
} from '@sluice/worker';
import { benchSizes } from './engine-cases.js';

/**
 * Runs requests through a batch loop of their own, at most `atOnce` of them at any time.
 * @param onToken called with the id of the request that gained one.
 * @throws ServingError the first that a request was refused or failed with, when all are over: figures of a run in which
 * something failed mean nothing.
 */
export async function runRequests(
  model: ModelPort,
  requests: readonly SequenceRequest[],
  atOnce: number,
  policy: PolicyName,
  onToken: (id: string) => void,
): Promise<{ readonly steps: readonly StepRecord[]; readonly load: LoadState }> {
  const steps: StepRecord[] = [];
  const queue = [...requests].reverse();
  let end = (): void => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  let live = 0;
  let failure: ServingError | undefined;
  const fail = (error: ServingError): void => {
    failure ??= error;
    queue.length = 0;
  };
  const submitMore = (): void => {
    while (live < atOnce && queue.length > 0) {
      const refused = engine.submit(queue.pop()!);
      if (refused === undefined) live += 1;
      else fail(refused);
    }
    if (live === 0) end();
  };
  const listener = (events: readonly SequenceEvent[]): void => {
    for (const event of events) {
      if (event.kind === 'token') {
        onToken(event.id);
        continue;
      }
      live -= 1;
      if (event.kind === 'failed') fail(event.error);
    }
    submitMore();
  };
  const engine = new Engine(
    { tokenBudget: benchSizes.tokenBudget, kvTokensMax: benchSizes.slots * benchSizes.contextTokens, waitingMax: 1024 },
    {
      model,
      policy: createPolicy(policy),
      clock: systemClock(),
      log: createLog('bench'),
      listener,
      onStep: (step) => steps.push(step),
    },
  );
  submitMore();
  await over;
  const load = engine.load();
  await engine.close();
  if (failure !== undefined) throw failure;
  return { steps, load };
}
