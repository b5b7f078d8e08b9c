import type { LoadState } from '@sluice/shared';
import type {
  Objectives,
  Priority,
  SequenceEvent,
  SequenceRequest,
} from '../../packages/worker/src/engine/sequence.js';
import type { StepPlan } from '../../packages/worker/src/engine/step-plan.js';

/** Everything that happened in one run, in order. Checkers read nothing else. */
export type History = readonly HistoryRecord[];

export type HistoryRecord = { readonly atMs: number } & HistoryEntry;

export type HistoryEntry =
  | SubmitEntry
  | DecideEntry
  | PassEntry
  | { readonly kind: 'pass-end'; readonly pass: number }
  | EventsEntry
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'drain' }
  /** The run came to its end by itself. */
  | { readonly kind: 'end'; readonly load: LoadState }
  /** The loop threw, the model was asked for what no model can do, or the run would not end. */
  | { readonly kind: 'broken'; readonly part: 'engine' | 'model' | 'progress'; readonly message: string };

export interface SubmitEntry {
  readonly kind: 'submit';
  readonly request: SequenceRequest;
  /** Code of the refusal; undefined when it was taken. */
  readonly refusal: string | undefined;
  readonly loadBefore: LoadState;
}

/** A plan being made: what the policy saw and what it said. */
export interface DecideEntry {
  readonly kind: 'decide';
  /** Hold a slot, without those that are busy. */
  readonly running: readonly SequenceSnapshot[];
  readonly waiting: readonly SequenceSnapshot[];
  readonly slotsFree: number;
  readonly blocksFree: number;
  readonly blocksMax: number;
  /** What the engine said of itself at that moment; undefined while it is being made. */
  readonly load: LoadState | undefined;
  readonly decodes: readonly string[];
  readonly chunks: readonly { readonly id: string; readonly tokens: number }[];
  readonly preempted: readonly string[];
  /** That the step is to have; undefined: all that are free. */
  readonly executors: number | undefined;
  /** Undefined where the model runs one pass at a time. */
  readonly beside: BesideSnapshot | undefined;
  /** Undefined where no prompt is part of the step. */
  readonly predicted: PredictedStep | undefined;
}

/** What the policy saw of passes side by side. */
export interface BesideSnapshot {
  readonly executors: number;
  readonly executorsFree: number;
  readonly promptsUnderWay: number;
  /** Hold a slot, and are in passes or in the way of one. */
  readonly busy: readonly SequenceSnapshot[];
  /** Prompts among them that are in no pass. */
  readonly held: readonly string[];
  /** What one and the same step is said to take on one executor, on two, and so on. */
  readonly costsMs: readonly number[];
}

/** What the engine's cost model said of a step with prompts, in milliseconds. */
export interface PredictedStep {
  /** Of the decodes alone. */
  readonly decodesMs: number;
  /** With the least useful slice of the prompt that is furthest, and the margin for errors. */
  readonly mixedMs: number;
  /** All of it, and the margin; without it for a prompt beside the streams, whom it does not hold up. */
  readonly stepMs: number;
}

export interface SequenceSnapshot {
  readonly id: string;
  readonly promptTokens: number;
  readonly tokens: number;
  readonly computed: number;
  readonly blocks: number;
  readonly slot: number | undefined;
  /** Of a waiting one that was copied out. */
  readonly copiedTokens: number | undefined;
  readonly priority: Priority;
  readonly arrivalMs: number;
  readonly lastTokenMs: number | undefined;
  readonly objectives: Objectives;
  readonly client: string;
  /** Of one that waits: the most that its prompt and all that it may answer can take; else 0. */
  readonly jobMsMax: number;
}

/** A forward pass; recorded when it begins. */
export interface PassEntry {
  readonly kind: 'pass';
  /** From 0. */
  readonly pass: number;
  readonly plan: StepPlan;
  /** Undefined: all. */
  readonly executors: number | undefined;
  readonly durationMs: number;
  /** The scenario makes it fail. */
  readonly fails: boolean;
}

export interface EventsEntry {
  readonly kind: 'events';
  readonly events: readonly SequenceEvent[];
}

/** All that hold a slot. */
export function holdersOf({ running, beside }: DecideEntry): readonly SequenceSnapshot[] {
  return beside === undefined ? running : [...running, ...beside.busy];
}

/**
 * Whether some wait of whom the policy is not told: beside decodes under way nobody, where one of them would come in among
 * the decodes, because those behind it must not overtake it.
 */
export function hidesWaiting({ waiting, load, beside }: DecideEntry): boolean {
  const areStreams = beside?.busy.some(({ computed, promptTokens }) => computed >= promptTokens) === true;
  return areStreams && waiting.length === 0 && load !== undefined && load.waiting > 0;
}

/** One number for a history: equal for equal histories, and hardly ever for others. */
export function traceHash(history: readonly object[]): number {
  let hash = 0x811c9dc5;
  const text = JSON.stringify(history, (_, value: unknown) => {
    if (value instanceof Map || value instanceof Set) return [...value];
    return value instanceof Error ? value.message : value;
  });
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
