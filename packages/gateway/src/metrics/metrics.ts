import type { Finished, ObjectiveOutcome } from '@sluice/proto';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Admission } from '../admission/admission.js';
import type { WorkerSet } from '../workers/worker-set.js';
import type { CallRecord } from './call-record.js';
import { GapHistogram } from './gap-histogram.js';
import { gaugesIn } from './gauge.js';

/** Seconds to a first token or a whole reply: from a cached prompt to a long queue. */
const secondsBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** Seconds between two tokens of one stream. */
const gapBuckets = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5];

/**
 * What became of a request that its worker did not finish: it went on elsewhere behind its tokens, or from its start; it
 * was ended because of the workers lost with it, or because no other worker took it.
 */
export type MoveOutcome = 'resumed' | 'retried' | 'poisoned' | 'stranded';

/** What a gateway counts. One per gateway, each with its own registry. */
export interface GatewayMetrics {
  readonly registry: Registry;
  /** Once per request, when its reply is over. */
  countCall(record: CallRecord, durationMs: number): void;
  countFirstToken(waitMs: number): void;
  countTokenGap(gapMs: number): void;
  /** Each time that a worker did not finish a request. */
  countMove(outcome: MoveOutcome, reason: string): void;
  /** Once per request that ended at its worker. */
  countObjectives(outcomes: Pick<Finished, 'ttft' | 'tbt'>): void;
}

export function createMetrics(workers: WorkerSet, admission: Admission): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'sluice_gateway_requests_total',
    help: 'Replies that are over, by route, HTTP status and how generation ended (stop, length, cancelled, an error code).',
    labelNames: ['route', 'status', 'finish_reason'],
    registers,
  });
  const promptTokens = new Counter({
    name: 'sluice_gateway_prompt_tokens_total',
    help: 'Prompt tokens of requests that a worker accepted.',
    registers,
  });
  const cachedTokens = new Counter({
    name: 'sluice_gateway_prompt_cached_tokens_total',
    help: 'Prompt tokens that a worker found in its prefix cache, of replies that came to their end.',
    registers,
  });
  const generatedTokens = new Counter({
    name: 'sluice_gateway_generated_tokens_total',
    help: 'Tokens that workers generated.',
    registers,
  });
  const firstToken = new Histogram({
    name: 'sluice_gateway_first_token_seconds',
    help: 'Seconds from the arrival of a request to its first token.',
    buckets: secondsBuckets,
    registers,
  });
  const tokenGap = new GapHistogram(registry, {
    name: 'sluice_gateway_token_gap_seconds',
    help: 'Seconds between two steps that brought tokens to the same request.',
    buckets: gapBuckets,
  });
  const objectives = new Counter({
    name: 'sluice_gateway_objectives_total',
    help: 'Finished requests by objective (ttft, tbt) and whether their worker met it (met, missed).',
    labelNames: ['objective', 'outcome'],
    registers,
  });
  const moves = new Counter({
    name: 'sluice_gateway_moves_total',
    help: 'Requests that a worker did not finish, by outcome (resumed, retried, poisoned, stranded) and reason (an error code).',
    labelNames: ['outcome', 'reason'],
    registers,
  });
  const duration = new Histogram({
    name: 'sluice_gateway_request_seconds',
    help: 'Seconds from the arrival of a request to the end of its reply.',
    labelNames: ['route'],
    buckets: secondsBuckets,
    registers,
  });
  registerFlight(registers, admission);
  registerWorkers(registers, workers);
  return {
    registry,
    countCall: (record, durationMs) => {
      requests.inc({ route: record.route, status: String(record.status), finish_reason: record.finish ?? '' });
      duration.observe({ route: record.route }, durationMs / 1000);
      promptTokens.inc(record.promptTokens);
      cachedTokens.inc(record.cachedTokens);
      generatedTokens.inc(record.generatedTokens);
    },
    countFirstToken: (waitMs) => firstToken.observe(waitMs / 1000),
    countTokenGap: (gapMs) => tokenGap.observe(gapMs / 1000),
    countMove: (outcome, reason) => moves.inc({ outcome, reason }),
    countObjectives: (outcomes) => {
      for (const objective of ['ttft', 'tbt'] as const) {
        const outcome = outcomeLabels.get(outcomes[objective]);
        if (outcome !== undefined) objectives.inc({ objective, outcome });
      }
    },
  };
}

function registerFlight(registers: Registry[], admission: Admission): void {
  const gauge = gaugesIn(registers);
  const { limits } = admission;
  gauge('sluice_gateway_requests_in_flight', 'Requests in flight, streamed or not.', () => admission.requests);
  gauge('sluice_gateway_requests_in_flight_max', 'Requests that may be in flight.', () => limits.requestsMax);
  gauge('sluice_gateway_body_bytes', 'Bytes held by the bodies of requests in flight.', () => admission.bodyBytes);
  gauge('sluice_gateway_body_bytes_max', 'Bytes that bodies may hold.', () => limits.bodyBytesMax);
}

/** Read when Prometheus asks, so that they cost nothing in between. */
function registerWorkers(registers: Registry[], set: WorkerSet): void {
  new Gauge({
    name: 'sluice_gateway_workers_attached',
    help: 'Workers with a live stream to this gateway.',
    registers,
    collect() {
      this.set(set.workers.filter((worker) => worker.isAttached).length);
    },
  });
  new Gauge({
    name: 'sluice_gateway_worker_requests_in_flight',
    help: 'Requests of this gateway that a worker has.',
    labelNames: ['worker'],
    registers,
    collect() {
      this.reset();
      for (const worker of set.workers) this.set({ worker: worker.id }, worker.requestsInFlight);
    },
  });
  new Gauge({
    name: 'sluice_gateway_worker_circuit',
    help: 'Whether requests are kept from a worker that failed too many: 0 closed, 1 half-open, 2 open.',
    labelNames: ['worker'],
    registers,
    collect() {
      this.reset();
      for (const worker of set.workers) this.set({ worker: worker.id }, circuitValues[worker.circuitState]);
    },
  });
  for (const { name, help, field } of loadGauges) {
    new Gauge({
      name,
      help,
      labelNames: ['worker'],
      registers,
      collect() {
        this.reset();
        for (const worker of set.workers) {
          const load = worker.isAttached ? worker.view?.load : undefined;
          if (load !== undefined) this.set({ worker: worker.id }, load[field] * (field.endsWith('Ms') ? 0.001 : 1));
        }
      },
    });
  }
}

const outcomeLabels: ReadonlyMap<ObjectiveOutcome, string> = new Map([
  ['OBJECTIVE_OUTCOME_MET', 'met'],
  ['OBJECTIVE_OUTCOME_MISSED', 'missed'],
]);

const circuitValues = { closed: 0, 'half-open': 1, open: 2 } as const;

const loadGauges = [
  { name: 'sluice_worker_running_sequences', help: 'Sequences that hold a slot.', field: 'running' },
  { name: 'sluice_worker_waiting_sequences', help: 'Sequences that wait for a slot.', field: 'waiting' },
  {
    name: 'sluice_worker_prefill_waiting_tokens',
    help: 'Prompt tokens not yet computed.',
    field: 'prefillTokensWaiting',
  },
  { name: 'sluice_worker_kv_used_tokens', help: 'Tokens in the KV cache.', field: 'kvTokensUsed' },
  { name: 'sluice_worker_kv_max_tokens', help: 'Tokens that the KV cache can hold.', field: 'kvTokensMax' },
  { name: 'sluice_worker_slots_max', help: 'Sequences that can run at once.', field: 'slotsMax' },
  {
    name: 'sluice_worker_prefill_tokens_per_second',
    help: 'Prompt tokens computed per second, lately.',
    field: 'prefillTokensPerSecond',
  },
  {
    name: 'sluice_worker_decode_tokens_per_second',
    help: 'Tokens generated per second, lately.',
    field: 'decodeTokensPerSecond',
  },
  { name: 'sluice_worker_step_seconds', help: 'Seconds of the last step, plan to commit.', field: 'stepMs' },
  {
    name: 'sluice_worker_step_error_ratio',
    help: 'Median error of predicted against actual time of the last 200 forward passes.',
    field: 'stepErrorRatio',
  },
  {
    name: 'sluice_worker_preemptions_copied',
    help: 'Sequences that lost their slot and were copied out, since the worker started.',
    field: 'preemptionsCopied',
  },
  {
    name: 'sluice_worker_preemptions_recomputed',
    help: 'Sequences that lost their slot and are computed again, since the worker started.',
    field: 'preemptionsRecomputed',
  },
  { name: 'sluice_worker_swap_used_bytes', help: 'Keys and values that are copied out.', field: 'swapBytesUsed' },
  {
    name: 'sluice_worker_host_gap_p50_seconds',
    help: 'Seconds between two forward passes, the median of the last 200.',
    field: 'hostGapP50Ms',
  },
  {
    name: 'sluice_worker_host_gap_p99_seconds',
    help: 'Seconds between two forward passes that one in a hundred of the last 200 exceeds.',
    field: 'hostGapP99Ms',
  },
  {
    name: 'sluice_worker_tokens_drafted',
    help: 'Tokens that were guessed and checked by the model, since the worker started; not those that a grammar forces.',
    field: 'tokensDrafted',
  },
  {
    name: 'sluice_worker_tokens_accepted',
    help: 'Guessed tokens that were right, since the worker started.',
    field: 'tokensAccepted',
  },
] as const;
