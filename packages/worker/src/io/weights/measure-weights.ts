import { systemClock } from '@sluice/shared';
import type { StepPlan } from '../../engine/step-plan.js';
import { type CompiledFiles, LaneModel } from '../../model/lane-model.js';

/** The least time of each pass that serving consists of, milliseconds. */
export interface PassTimes {
  /** Sixteen sequences, each behind 128 tokens. */
  readonly decodeMs: number;
  /** A chunk of 64 tokens of a prompt. */
  readonly promptMs: number;
}

const DECODES = 16;
const CHUNK_TOKENS = 64;
const PAST_TOKENS = 128;
const ROUNDS = 9;

/**
 * Runs the same passes on each of several compiled models, by turns, so that what else the machine does falls on all of
 * them; the least time of each counts. Takes one to three seconds for the default model.
 */
export async function measureWeights(candidates: readonly CompiledFiles[], threads: number): Promise<PassTimes[]> {
  const clock = systemClock();
  const models = candidates.map(
    (files) =>
      new LaneModel(files, {
        slots: DECODES,
        contextTokens: PAST_TOKENS + CHUNK_TOKENS,
        stepTokensMax: CHUNK_TOKENS,
        threads,
      }),
  );
  const time = async (model: LaneModel, plan: StepPlan): Promise<number> => {
    const startMs = clock.nowMs();
    await model.forward(plan);
    return clock.nowMs() - startMs;
  };
  const least = models.map(() => ({ decodeMs: Number.POSITIVE_INFINITY, promptMs: Number.POSITIVE_INFINITY }));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, model] of models.entries()) {
        const times = least[index]!;
        times.decodeMs = Math.min(times.decodeMs, await time(model, decodePlan));
        times.promptMs = Math.min(times.promptMs, await time(model, promptPlan));
      }
    }
  } finally {
    for (const model of models) model.close();
  }
  return least;
}

const want = { temperatures: [] };

const decodePlan: StepPlan = {
  decodes: Array.from({ length: DECODES }, (_, slot) => ({
    slot,
    tokenIds: [slot],
    position: PAST_TOKENS,
    want,
    wantTokens: 1,
  })),
  chunks: [],
  resting: [],
};

const promptPlan: StepPlan = {
  decodes: [],
  chunks: [
    {
      slot: 0,
      tokenIds: Array.from({ length: CHUNK_TOKENS }, (_, index) => index),
      position: 0,
      want,
      wantTokens: 1,
    },
  ],
  resting: [],
};
