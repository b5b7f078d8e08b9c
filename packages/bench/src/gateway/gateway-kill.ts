import { withRunningSubject } from './gateway-run.js';
import { STEP_MS_MIN } from './gateway-settings.js';
import type { GatewaySubject } from './gateway-subjects.js';

const STREAMS = 64;
const TOKENS = 64;
/** LiteLLM would not keep up with 20 ms. */
const SLOW_STEP_MS = 100;

/** What became of streams when one of the two engines was killed under them. */
export interface GatewayKill {
  readonly streams: number;
  /** Those that the engine had when it was killed. */
  readonly hit: number;
  /** Ended as if nothing had happened, but without all of their text. */
  readonly cut: number;
  /** Ended with an error event. */
  readonly errorEvents: number;
  /** Without an answer, or with an error instead of one. */
  readonly otherErrors: number;
  /** Of those that it had: got all of their text, no token lost or repeated. */
  readonly continued: number;
  /** Of as many requests right behind them. */
  readonly laterFailed: number;
  readonly faults: readonly string[];
}

/** @throws Error when the gateway cannot be started. */
export function measureKill(subject: GatewaySubject): Promise<GatewayKill> {
  const stepMs = (subject.limits?.tokensPerSecondMax ?? Number.MAX_VALUE) < 3_200 ? SLOW_STEP_MS : STEP_MS_MIN;
  const warmUp = { streams: STREAMS, requestsPerStream: 2, tokens: 8, rampMs: 200 };
  return withRunningSubject(subject, { stepMs, isNumbered: true, warmUp }, async ({ fleet, load }) => {
    const plan = { streams: STREAMS, requestsPerStream: 1, tokens: TOKENS, rampMs: 200 };
    let killed: Promise<number> | undefined;
    const during = await load(plan, () => {
      killed = fleet.kill(0);
      // Awaited below; until then nobody else would hear of a failure.
      killed.catch(() => undefined);
    });
    if (killed === undefined) throw new Error('so many streams failed at once that no engine was killed');
    const hit = await killed;
    const later = await load({ ...plan, tokens: 8 });
    const failed = during.requests - during.complete;
    return {
      streams: STREAMS,
      hit,
      cut: during.truncated,
      errorEvents: during.errorEvents,
      otherErrors: during.errors - during.errorEvents,
      continued: Math.max(0, hit - failed),
      laterFailed: later.requests - later.complete,
      faults: [...new Set([...during.faults, ...later.faults])],
    };
  });
}
