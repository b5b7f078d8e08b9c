import { setTimeout as sleep } from 'node:timers/promises';
import { createLog, systemClock } from '@sluice/shared';
import {
  createPolicy,
  Engine,
  greedySampling,
  type ModelPort,
  type PolicyName,
  wantsWholePrompts,
} from '@sluice/worker';
import type { BenchResult } from '../benchmark.js';
import { randomPrompt } from '../load/random-prompt.js';
import { type GapPoint, type GapTimes, GapWatch, LONG_ID } from './gap-watch.js';
import { HttpDoor, type HttpSubject } from './http-door.js';

/** What a long prompt does to streams that run. The subject is the policy, or the server. */
export interface LongPromptResult extends BenchResult {
  readonly kind: 'long-prompt';
  readonly tbtMs: number;
  readonly streams: number;
  readonly promptTokens: number;
  /** Between two tokens of a stream: before the prompt came, and from then to its first token. */
  readonly beforeMs: GapTimes;
  readonly afterMs: GapTimes;
  /** From the prompt's arrival to its first token. */
  readonly ttftMs: number;
  /** P99 of the gaps behind the arrival is within the objective. */
  readonly isWithin: boolean;
  readonly gaps: readonly GapPoint[];
}

export interface LongPromptSettings {
  readonly policy: PolicyName;
  readonly tokenBudget: number;
  readonly tbtMs: number;
}

const STREAMS = 16;
const STREAM_PROMPT_TOKENS = 64;
/** Streams end here, so that a policy that lets nobody in beside them comes to the long prompt too. */
const STREAM_TOKENS_MAX = 512;
/** Less where the context is shorter. */
const LONG_PROMPT_TOKENS = 2_000;
const LONG_ANSWER_TOKENS = 2;
/** Tokens of each stream before the long prompt comes; the first of them are not counted. */
const TOKENS_BEFORE = 60;
const TOKENS_UNCOUNTED = 20;
const LOOK_MS = 5;
const WAIT_MS_MAX = 120_000;
/** Of the prompts; no trial has it. */
const PROMPT_SEED = 900_000;

const log = createLog('capacity');
log.level = 'silent';

/**
 * Sixteen streams run in the engine; a long prompt comes among them.
 * @throws Error where that takes more than two minutes.
 */
export async function measureLongPrompt(model: ModelPort, settings: LongPromptSettings): Promise<LongPromptResult> {
  const { policy, tokenBudget, tbtMs } = settings;
  const { slotsMax, contextTokens, stepTokensMax } = model.limits;
  const clock = systemClock();
  const watch = new GapWatch(TOKENS_UNCOUNTED);
  const engine = new Engine(
    {
      tokenBudget: wantsWholePrompts(policy) ? stepTokensMax : tokenBudget,
      kvTokensMax: slotsMax * contextTokens,
      waitingMax: STREAMS + 1,
      prefixCache: false,
      objectives: { ttftMs: 5_000, tbtMs },
    },
    {
      model,
      policy: createPolicy(policy),
      clock,
      log,
      listener: (events) => watch.add(events, clock.nowMs()),
    },
  );
  const submit = (id: string, promptTokens: number, tokensMax: number): void => {
    const refusal = engine.submit({
      id,
      promptIds: new Array<number>(promptTokens).fill(1),
      tokensMax,
      sampling: greedySampling,
      stopTokenIds: new Set(),
      logprobsTop: undefined,
    });
    if (refusal !== undefined) throw refusal;
  };
  const promptTokens = longPromptTokens(contextTokens);
  const patience = new Patience();
  try {
    for (let id = 0; id < STREAMS; id++) submit(`${id}`, STREAM_PROMPT_TOKENS, STREAM_TOKENS_MAX);
    await patience.until(() => watch.streamsWith(TOKENS_BEFORE) >= STREAMS);
    watch.promptArrived(clock.nowMs());
    submit(LONG_ID, promptTokens, LONG_ANSWER_TOKENS);
    await patience.until(() => watch.isOver);
  } finally {
    await engine.close();
  }
  return resultOf(policy, tbtMs, promptTokens, watch);
}

/**
 * The same over HTTP, seen by the client.
 * @throws Error where the server does not start, fails a request, or takes more than two minutes.
 */
export async function measureLongPromptOverHttp(
  subject: HttpSubject,
  tbtMs: number,
  contextTokens: number,
): Promise<LongPromptResult> {
  const door = await HttpDoor.open(subject);
  try {
    const client = await door.client();
    const watch = new GapWatch(TOKENS_UNCOUNTED);
    const headers: Record<string, string> = subject.saysObjectives ? { 'x-sluice-tbt-ms': `${Math.round(tbtMs)}` } : {};
    const patience = new Patience();
    const send = async (id: string, index: number, promptTokens: number, outputTokens: number): Promise<void> => {
      const see = (): void => watch.addToken(id, performance.now());
      const promptIds = randomPrompt(promptTokens, PROMPT_SEED, index);
      const record = await client.send({ promptIds, outputTokens, headers }, { first: see, gap: see });
      watch.end(id);
      if (record.outcome === 'failed') patience.fault ??= `a request failed: ${record.reason}`;
    };
    for (let index = 0; index < STREAMS; index++) {
      void send(`${index}`, index, STREAM_PROMPT_TOKENS, STREAM_TOKENS_MAX);
    }
    await patience.until(() => watch.streamsWith(TOKENS_BEFORE) >= STREAMS);
    const promptTokens = longPromptTokens(contextTokens);
    watch.promptArrived(performance.now());
    void send(LONG_ID, STREAMS, promptTokens, LONG_ANSWER_TOKENS);
    await patience.until(() => watch.isOver);
    await client.close();
    return resultOf(subject.subject.name, tbtMs, promptTokens, watch);
  } finally {
    await door.stop();
  }
}

/** Waits, but not for ever. */
class Patience {
  /** Why waiting is of no use any more. */
  fault: string | undefined;
  readonly #endMs = performance.now() + WAIT_MS_MAX;

  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      if (this.fault !== undefined) throw new Error(this.fault);
      if (performance.now() > this.#endMs) throw new Error(`not over within ${WAIT_MS_MAX / 1000} s`);
      await sleep(LOOK_MS);
    }
  }
}

function longPromptTokens(contextTokens: number): number {
  return Math.min(LONG_PROMPT_TOKENS, contextTokens - LONG_ANSWER_TOKENS);
}

function resultOf(subject: string, tbtMs: number, promptTokens: number, watch: GapWatch): LongPromptResult {
  return {
    subject,
    kind: 'long-prompt',
    tbtMs,
    streams: STREAMS,
    promptTokens,
    beforeMs: watch.beforeMs,
    afterMs: watch.afterMs,
    ttftMs: watch.ttftMs,
    isWithin: watch.afterMs.p99 <= tbtMs,
    gaps: watch.points,
  };
}
