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
import { type GapTimes, GapWatch, LONG_ID } from './gap-watch.js';

/** What a long prompt does to streams that run. The subject is the policy. */
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
const LONG_PROMPT_TOKENS = 2_000;
/** Tokens of each stream before the long prompt comes; the first of them are not counted. */
const TOKENS_BEFORE = 60;
const TOKENS_UNCOUNTED = 20;
const LOOK_MS = 5;

const log = createLog('capacity');
log.level = 'silent';

/** Sixteen streams run; a prompt of 2,000 tokens (less where the context is shorter) comes among them. */
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
  for (let id = 0; id < STREAMS; id++) submit(`${id}`, STREAM_PROMPT_TOKENS, STREAM_TOKENS_MAX);
  while (watch.streamsWith(TOKENS_BEFORE) < STREAMS) await sleep(LOOK_MS);
  const promptTokens = Math.min(LONG_PROMPT_TOKENS, contextTokens - 2);
  watch.promptArrived(clock.nowMs());
  submit(LONG_ID, promptTokens, 2);
  while (!watch.isOver) await sleep(LOOK_MS);
  await engine.close();
  return {
    subject: policy,
    kind: 'long-prompt',
    tbtMs,
    streams: STREAMS,
    promptTokens,
    beforeMs: watch.beforeMs,
    afterMs: watch.afterMs,
    ttftMs: watch.ttftMs,
    isWithin: watch.afterMs.p99 <= tbtMs,
  };
}
