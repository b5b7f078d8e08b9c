import type { Rng } from '@sluice/shared';
import type { Policy, WorkerId, WorkerView } from './policy.js';

/**
 * The worker with the fewest prompt tokens between a new request and its first token: those that wait there and those
 * sent that it has not reported. Then the one with the fewest requests; ties at random, so that gateways which see the
 * same loads do not all choose the same worker.
 */
export function leastLoad(rng: Rng): Policy {
  return {
    name: 'least-load',
    choose: (view) => {
      let best: WorkerView[] = [];
      for (const worker of view) {
        const order = best[0] === undefined ? -1 : compareLoad(worker, best[0]);
        if (order < 0) best = [worker];
        else if (order === 0) best.push(worker);
      }
      return pick(best, rng);
    },
  };
}

function pick(workers: readonly WorkerView[], rng: Rng): WorkerId | undefined {
  return workers[workers.length > 1 ? rng.below(workers.length) : 0]?.id;
}

function compareLoad(a: WorkerView, b: WorkerView): number {
  return tokensAhead(a) - tokensAhead(b) || requestsAhead(a) - requestsAhead(b);
}

function tokensAhead({ load, unreportedTokens }: WorkerView): number {
  return load.prefillTokensWaiting + unreportedTokens;
}

function requestsAhead({ load, unreportedRequests }: WorkerView): number {
  return load.running + load.waiting + unreportedRequests;
}
