import type { ExecutorMode, RememberedChoice } from './executor-choice.js';

export interface LaneModelOptions {
  /** Sequences that can run at the same time. */
  readonly slots: number;
  /** Tokens of prompt and output of one sequence. */
  readonly contextTokens: number;
  readonly stepTokensMax: number;
  /** Threads of a forward pass. */
  readonly threads: number;
  /**
   * Of the machine, one for each thread of the wide executor, which are bound to them: each waits for the others behind
   * every operator. Those of narrow ones seldom wait, and go where there is room. Absent: the system places all.
   */
  readonly processors?: readonly number[];
  /**
   * Whether passes are shared out among narrow executors, where there are two threads or more. Default `wide`; `auto` needs
   * `nowMs` to find out what is quicker.
   */
  readonly executors?: ExecutorMode;
  /** How many narrow executors; default: as `narrowExecutors` says. */
  readonly narrowCount?: number;
  /** What another start has learnt about which of them are quicker. */
  readonly rememberedChoice?: RememberedChoice;
  /** Milliseconds of any clock. */
  readonly nowMs?: () => number;
  /** Absolute path of the library with our operators, built for this machine: needed for graphs that have them. */
  readonly operatorLibrary?: string;
  /** Has the runtime write down what every operator of every pass took, in files that begin so: slower, and only to measure. */
  readonly profilePrefix?: string;
}
