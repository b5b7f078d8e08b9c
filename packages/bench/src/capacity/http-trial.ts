import { setTimeout as sleep } from 'node:timers/promises';
import type { CompletionClient } from '../io/completion-client.js';
import { randomPrompt } from '../load/random-prompt.js';
import type { RequestRecord } from '../load/stream-tally.js';
import { gapLimits, Tally, type TrialResult } from '../simulate/tally.js';
import type { Arrival } from '../simulate/trace.js';

export interface HttpTrialSettings {
  /** The objective between two tokens of requests that bring none. */
  readonly tbtMs: number;
  /** Of the prompts. No trial on one server has the seed of another, so that no cache of prefixes helps. */
  readonly promptSeed: number;
  /** What a prompt of so many tokens takes alone: taken off the first token's time where the server does not say. */
  readonly promptAloneMs: (tokens: number) => number;
  /** Requests say their objective in the header that our gateway knows. */
  readonly saysObjectives: boolean;
}

const LOOK_MS = 20;
/** A trial is broken off when it is not over so long after twice the time of its sending: its queue grows for ever. */
const PATIENCE_MS = 60_000;

/**
 * Sends the arrivals at a rate to a server, in real time: what engine-trial.ts does without a wire. The client sees no
 * first step: the delay is the first token's time less what the prompt took, by the server's own timings where it gives
 * them. The client is closed at the end, and what was open with it.
 * @throws Error where a request was not served to its end.
 */
export async function runHttpTrial(
  client: CompletionClient,
  settings: HttpTrialSettings,
  arrivals: readonly Arrival[],
  ratePerSecond: number,
  isWhole = false,
): Promise<TrialResult> {
  const tally = new Tally(arrivals.length, gapLimits(arrivals, settings.tbtMs));
  const startMs = performance.now();
  const dueMs = (index: number): number => startMs + ((arrivals[index]?.at ?? Infinity) * 1000) / ratePerSecond;
  const endMs = 2 * dueMs(arrivals.length - 1) - startMs + PATIENCE_MS;
  let isOver = false;
  let fault: string | undefined;
  let done = 0;
  const send = async (index: number, arrival: Arrival): Promise<void> => {
    const { promptTokens, outputTokens, tbtMs = settings.tbtMs } = arrival;
    const objective = tally.objectiveOf(tbtMs);
    const record = await client.send(
      {
        promptIds: randomPrompt(promptTokens, settings.promptSeed, index),
        outputTokens,
        headers: settings.saysObjectives ? { 'x-sluice-tbt-ms': `${Math.max(1, Math.round(tbtMs))}` } : {},
      },
      { first: (ttftMs) => tally.addFirst(ttftMs), gap: (gapMs) => tally.addGap(gapMs, objective) },
    );
    if (isOver) return;
    if (record.outcome === 'complete') tally.addDelay(delayMs(record, settings));
    else fault ??= record.reason;
    done += 1;
  };
  let sent = 0;
  while (fault === undefined && (isWhole || !tally.isLost) && performance.now() < endMs) {
    while (sent < arrivals.length && dueMs(sent) <= performance.now()) void send(sent, arrivals[sent++]!);
    if (done === arrivals.length) break;
    await sleep(Math.max(0, Math.min(LOOK_MS, dueMs(sent) - performance.now())));
  }
  isOver = true;
  const durationMs = performance.now() - startMs;
  await client.close();
  if (fault !== undefined) throw new Error(`a request was not served: ${fault}`);
  return tally.result(ratePerSecond, durationMs, done < arrivals.length);
}

/** From a request's sending to the beginning of its prompt. */
function delayMs({ ttftMs, promptMs, promptTokens }: RequestRecord, settings: HttpTrialSettings): number {
  return Math.max(0, (ttftMs ?? 0) - (promptMs ?? settings.promptAloneMs(promptTokens)));
}
