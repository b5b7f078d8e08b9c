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
  /** Undefined where no prompt is part of the step. */
  readonly predicted: PredictedStep | undefined;
}

/** What the engine's cost model said of a step with prompts, in milliseconds. */
export interface PredictedStep {
  /** Of the decodes alone. */
  readonly decodesMs: number;
  /** With the least useful slice of the prompt that is furthest, and the margin for errors. */
  readonly mixedMs: number;
  /** All of it, and the margin. */
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
  readonly plan: StepPlan;
  readonly durationMs: number;
  /** The scenario makes it fail. */
  readonly fails: boolean;
}

export interface EventsEntry {
  readonly kind: 'events';
  readonly events: readonly SequenceEvent[];
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
