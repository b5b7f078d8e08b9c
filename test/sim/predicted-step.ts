import { noWork, type StepWork, withChunk, withDecode } from '../../packages/worker/src/engine/cost-model.js';
import type { Decision, QueueView, SequenceView } from '../../packages/worker/src/engine/scheduler/policy.js';
import type { PredictedStep } from './history.js';

/** The least slice of a prompt that slo finds worth a place in a step. */
const SLICE_TOKENS = 16;

/** What the engine's own cost model says of a decision; undefined where no prompt is part of it. */
export function predictedStep<S extends SequenceView>(
  { decodes, chunks, preempted, executors }: Decision<S>,
  { running, waiting, beside, ...queue }: QueueView<S>,
): PredictedStep | undefined {
  if (chunks.length === 0) return undefined;
  const cost = executors === undefined || beside === undefined ? queue.cost : beside.costOn(executors);
  const marginRatio = executors === undefined ? cost.marginRatio : 1;
  const decoding = decodes.reduce((work, { computed }) => withDecode(work, computed), noWork);
  const step = chunks.reduce((work, { sequence, tokens }) => withChunk(work, sequence.computed, tokens), decoding);
  const others = new Set<SequenceView>([...decodes, ...preempted]);
  const prompts = [...running.filter(isPrompt), ...waiting].filter((one) => !others.has(one));
  const furthest = Math.max(...prompts.map(({ computed }) => computed));
  const withMargin = (work: StepWork): number => cost.predictMs(work) * marginRatio;
  return {
    decodesMs: cost.predictMs(decoding),
    mixedMs: withMargin(withChunk(decoding, furthest, SLICE_TOKENS)),
    stepMs: withMargin(step),
  };
}

/** Of each sequence that waits: what its prompt takes alone, and all that it may answer as rows beside those that run. */
export function longestJobsMs<S extends SequenceView>({ running, waiting, cost }: QueueView<S>): readonly number[] {
  const rows = running.reduce((work, one) => withDecode(work, one.computed), noWork);
  const context = running.length === 0 ? 0 : rows.decodeContext / rows.decodes;
  const rowMs = cost.predictMs(withDecode(rows, context)) - cost.predictMs(rows);
  return waiting.map(({ computed, promptTokens, tokens, tokensMax }) => {
    const promptMs = cost.predictMs(withChunk(noWork, computed, Math.max(0, promptTokens - computed)));
    return promptMs + Math.max(1, tokensMax - tokens) * rowMs;
  });
}

function isPrompt({ computed, promptTokens }: SequenceView): boolean {
  return computed < promptTokens;
}
