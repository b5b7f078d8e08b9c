import type { HttpWorker } from '../../../packages/gateway/src/upstreams/http-worker.js';
import type { GenerationListener } from '../../../packages/gateway/src/workers/worker.js';
import type { SimulatedUpstreamClient } from './simulated-upstream-client.js';
import type { SystemEntry } from './system-history.js';

export interface UpstreamTapParts {
  readonly gateway: number;
  readonly worker: number;
  readonly client: SimulatedUpstreamClient;
  readonly record: (entry: SystemEntry) => void;
}

/** Tells what a gateway and one of its upstreams say to each other of requests; of tokens, that there are some. */
export function tapUpstream(upstream: HttpWorker, { client, record, ...at }: UpstreamTapParts): HttpWorker {
  const submit = upstream.submit.bind(upstream);
  upstream.submit = (request, promptTokens, listener, terms) => {
    const id = request.requestId ?? '';
    let isLive = true;
    const tapped: GenerationListener = {
      onEvent: (event, nowMs) => {
        if (event.tokenIds.length > 0) record({ kind: 'tokens', id, ...at, tokenIds: [] });
        if (event.finished) {
          isLive = false;
          record({ kind: 'released', id, ...at, how: 'finished' });
        }
        listener.onEvent(event, nowMs);
      },
      onLost: (error) => {
        isLive = false;
        const isDeath = error.code === 'worker_lost' || error.code === 'engine_failed';
        if (upstream.isAttached) record({ kind: 'released', id, ...at, how: error.code });
        else record({ kind: 'detached', ids: [id], ...at, isDeath });
        listener.onLost(error);
      },
    };
    record({ kind: 'submit', id, ...at, generatedIds: [...(request.generatedTokenIds ?? [])] });
    const generation = submit(request, promptTokens, tapped, terms);
    return {
      cancel: () => {
        if (!isLive) return generation.cancel();
        isLive = false;
        record({ kind: 'cancel', id, ...at });
        generation.cancel();
        if (client.isOpen(id)) record({ kind: 'planned-late', worker: at.worker, planned: 1, wanted: 0 });
      },
    };
  };
  return upstream;
}
