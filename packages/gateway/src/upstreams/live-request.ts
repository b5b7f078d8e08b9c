import type { GenerationListener } from '../workers/worker.js';
import type { HttpGeneration } from './http-generation.js';
import type { HttpWorkerOptions } from './http-worker-parts.js';
import type { UpstreamExchange } from './upstream-client.js';

/** Milliseconds that may pass between two parts of a refusal. */
const refusalMs = 5_000;
/** A request that an upstream has. */
export interface LiveRequest {
  readonly listener: GenerationListener;
  readonly generation: HttpGeneration;
  readonly promptTokens: number;
  readonly isProbe: boolean;
  readonly sentMs: number;
  /** When the last bytes came; before them, when it was sent. */
  heardMs: number;
  /** It was silent for too long at the last look. */
  isSuspect: boolean;
  exchange: UpstreamExchange | undefined;
}

/** Whether an upstream takes too long. Comments that keep a connection alive are no sign that a first text will come. */
export function isLate(
  { generation, heardMs, sentMs }: LiveRequest,
  { gapMs, firstTextMs }: HttpWorkerOptions,
  nowMs: number,
): boolean {
  if (generation.isRefused) return nowMs - heardMs >= refusalMs;
  return generation.hasBegun ? nowMs - heardMs >= gapMs : nowMs - sentMs >= firstTextMs;
}
