import { createLog } from '@sluice/shared';
import { ManualClock } from '../../service/test-support/manual-clock.js';
import type { StepCost } from '../cost-model.js';
import { SlotMemory } from '../kv/slot-memory.js';
import { LiveSequence } from '../live-sequence.js';
import { PassRunner } from '../pass-runner.js';
import { type EndedPass, PassesUnderWay } from '../passes-under-way.js';
import { type QueueParts, queueView } from '../queue-view.js';
import { SequenceTable } from '../sequence-table.js';
import type { StepPlan } from '../step-plan.js';
import { writePlan } from '../write-plan.js';
import { HashModel } from './hash-model.js';
import { request } from './outcomes.js';

const log = createLog('test', {});
log.level = 'silent';

const CONTEXT_TOKENS = 64;
const cost: StepCost = { predictMs: () => 1, marginRatio: 1 };

/** Passes, memory and sequences without the engine's loop: who is in which pass, and when one ends, the test says. */
export class BarePasses {
  readonly model: HashModel;
  readonly memory: SlotMemory;
  readonly sequences: SequenceTable;
  readonly passes: PassesUnderWay;
  #names = 0;

  constructor(executors: number, slotsMax = 6) {
    this.model = new HashModel({ slotsMax, contextTokens: CONTEXT_TOKENS, chunksAbreast: executors }, executors);
    const options = { kvTokensMax: slotsMax * CONTEXT_TOKENS, prefixCache: true, swapBytesMax: 0 };
    this.memory = new SlotMemory(options, this.model, () => 0);
    this.sequences = new SequenceTable(this.memory);
    const runner = new PassRunner(this.model, new ManualClock(), log);
    this.passes = new PassesUnderWay(this.model, runner, this.memory);
  }

  /** One that waits. */
  waiting(promptTokens: number): LiveSequence {
    const name = this.#names++;
    const promptIds = Array.from({ length: promptTokens }, (_, index) => (name + index) % 20);
    const sequence = new LiveSequence(request({ id: `${name}`, promptIds, tokensMax: 20 }), CONTEXT_TOKENS);
    this.sequences.add(sequence);
    return sequence;
  }

  /** One in the next slot that decodes. */
  async streaming(promptTokens = 4): Promise<LiveSequence> {
    const sequence = this.waiting(promptTokens);
    this.start([], [sequence]);
    await this.end();
    return sequence;
  }

  /** A pass of a token of each of those, and of so many of the prompts of these. */
  start(decodes: LiveSequence[], prompts: LiveSequence[], executors?: number, tokens = CONTEXT_TOKENS): StepPlan {
    const chunks = prompts.map((sequence) => ({ sequence, tokens: Math.min(tokens, sequence.prefillTokens) }));
    const decision = { decodes, chunks, preempted: [] };
    const plan = writePlan(decision, this.sequences, this.memory, cost, undefined);
    const pass = { plan, decision, executors, startMs: 0, endBeforeMs: undefined };
    this.passes.start(pass, { predictedMs: 1, passesSeen: 0 });
    return plan;
  }

  /** The next pass, and what it computed is its sequences'. */
  async end(): Promise<EndedPass> {
    const ended = (await this.passes.next())!;
    const { decodes, chunks } = ended.pass.decision;
    for (const sequence of decodes) sequence.computed += 1;
    for (const { sequence, tokens } of chunks) sequence.computed += tokens;
    for (const sequence of [...decodes, ...chunks.map((chunk) => chunk.sequence)]) {
      if (sequence.computed === sequence.tokens) sequence.tokenIds.push(7);
    }
    return ended;
  }

  view(costs: QueueParts['costs'] = { costOn: () => cost }) {
    const { memory, sequences, passes } = this;
    return queueView({ nowMs: 0, tokenBudget: 40, limits: this.model.limits, sequences, memory, passes, costs });
  }
}
