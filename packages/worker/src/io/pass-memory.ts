import path from 'node:path';
import type { Clock, Logger } from '@sluice/shared';
import { areRememberedCosts, type RememberedCosts } from '../engine/remembered-cost.js';
import { type ExecutorMode, isRememberedChoice, type RememberedChoice } from '../model/executor-choice.js';
import { memoPath, readMemo, writeMemo } from './memo.js';

/** What was learnt from the passes of a model. */
export interface LearntPasses {
  /** By the engine: what a pass costs, whichever executors run it. */
  readonly cost: RememberedCosts;
  /** By the model: which executors are quicker. */
  readonly choice: RememberedChoice;
}

/** Who learns. */
export interface PassLearner {
  /** Passes since the start. */
  passes(): number;
  learnt(): LearntPasses;
}

/** What it is learnt of, beside the kind of machine. */
export interface LearntOf {
  /** Of the compiled model: the name of its folder says which model it is, and how it was compiled. */
  readonly weightsPath: string;
  readonly threads: number;
  readonly executors: ExecutorMode;
  readonly narrowCount: number;
}

/** Another number wherever what is written down means something else than before. */
const FORMAT = 2;
/** Fewer passes since the file was written are not worth writing it again. */
const PASSES_MIN = 50;
const WRITE_EVERY_MS = 60_000;

/**
 * Remembers across starts what passes cost, in a small file of the cache folder: written once a minute while there is
 * something to learn from, and at an orderly end. Nothing depends on it but how soon a worker is at its best, so what goes
 * wrong with the file is a line in the log.
 */
export class PassMemory {
  /** Of the last start that wrote it down; undefined where there was none or it cannot be read. */
  readonly before: LearntPasses | undefined;
  readonly #memo: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #learner: PassLearner | undefined;
  #passesWritten = 0;
  /** The one that is under way; never rejects. */
  #writing: Promise<void> = Promise.resolve();
  #stopWaiting = (): void => {};
  /** It was closed, or where it writes cannot be written. */
  #isOver = false;

  private constructor(memo: string, before: LearntPasses | undefined, clock: Clock, log: Logger) {
    this.#memo = memo;
    this.before = before;
    this.#clock = clock;
    this.#log = log;
  }

  static async open(of: LearntOf, cacheFolder: string, clock: Clock, log: Logger): Promise<PassMemory> {
    const compiled = path.basename(path.dirname(of.weightsPath));
    const place = { cacheFolder, folder: 'pass-costs' };
    const memo = memoPath(place, [FORMAT, compiled, of.executors, of.narrowCount], of.threads);
    return new PassMemory(memo, await readLearnt(memo, log), clock, log);
  }

  /** Writes down from now on what somebody learns. Once. */
  follow(learner: PassLearner): void {
    this.#learner = learner;
    this.#wait();
  }

  /** Writes for the last time. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#stopWaiting();
    await this.#writing;
    await this.#write();
  }

  #wait(): void {
    if (this.#isOver) return;
    this.#stopWaiting = this.#clock.after(WRITE_EVERY_MS, () => {
      this.#writing = this.#write().then(() => this.#wait());
    });
  }

  async #write(): Promise<void> {
    const passes = this.#learner?.passes() ?? 0;
    if (this.#learner === undefined || passes - this.#passesWritten < PASSES_MIN) return;
    try {
      await writeMemo(this.#memo, this.#learner.learnt());
      this.#passesWritten = passes;
    } catch (error) {
      this.#isOver = true;
      this.#log.info({ err: error }, 'what passes cost could not be written down for the next start');
    }
  }
}

async function readLearnt(memo: string, log: Logger): Promise<LearntPasses | undefined> {
  try {
    const value = await readMemo(memo);
    if (!isLearnt(value)) throw new Error(`${memo}: this is not what was learnt`);
    return value;
  } catch (error) {
    log.debug({ err: error }, 'what passes cost is learnt anew');
    return undefined;
  }
}

function isLearnt(value: unknown): value is LearntPasses {
  if (typeof value !== 'object' || value === null) return false;
  const { cost, choice }: Partial<Record<keyof LearntPasses, unknown>> = value;
  return areRememberedCosts(cost) && isRememberedChoice(choice);
}
