import { describe, expect, it } from 'vitest';
import type { StepCost } from '../cost-model.js';
import { createPolicy, type PolicyName } from './policies.js';
import type { ObservedStep } from './policy.js';
import { decoding, nowMs, queueOf, smallMachine, view } from './test-support/queues.js';
import { type Arrival, drive, type Machine } from './test-support/small-engine.js';

const machine: Machine = {
  slots: 8,
  blocks: 1_000,
  limits: {
    tokenBudget: 64,
    stepTokensMax: 1_024,
    chunksMax: 2,
    chunksAbreast: 2,
    chunkBlockTokens: 32,
    copyTokensMax: 200,
  },
};

const stream = decoding(10, 5);
const longPrompt = view({ promptTokens: 600 });
const mixed = queueOf({ running: [stream], waiting: [longPrompt] });

describe('prefill-first', () => {
  it('stalls every stream for a whole prompt', () => {
    expect(createPolicy('prefill-first').decide(mixed)).toEqual({
      decodes: [],
      chunks: [{ sequence: longPrompt, tokens: 600 }],
      preempted: [],
    });
  });

  it('decodes when no prompt can come in', () => {
    expect(createPolicy('prefill-first').decide({ ...mixed, slotsFree: 0 })).toMatchObject({
      decodes: [stream],
      chunks: [],
    });
  });
});

describe('iteration-level', () => {
  it('runs whole prompts beside the decodes', () => {
    const { decodes, chunks } = createPolicy('iteration-level').decide(mixed);
    expect(decodes).toEqual([stream]);
    expect(chunks).toEqual([{ sequence: longPrompt, tokens: 600 }]);
  });

  it('lets in nobody for whose longest answer there is no memory', () => {
    const waiting = [view({ promptTokens: 20, tokensMax: 400 })];
    const running = [decoding(10, 5, { tokensMax: 400 })];
    const tight = queueOf({ running, waiting, blocksFree: 44, blocksMax: 45 });
    expect(createPolicy('iteration-level').decide(tight).chunks).toEqual([]);
    expect(createPolicy('sarathi').decide(tight).chunks).toHaveLength(1);
  });

  it('never preempts, however little memory there is', () => {
    for (const name of ['iteration-level', 'request-level'] satisfies PolicyName[]) {
      const outcome = drive(createPolicy(name), crowd, { ...machine, blocks: 12 });
      expect(outcome.finished).toHaveLength(crowd.length);
      expect(outcome.preemptions).toBe(0);
    }
    expect(drive(createPolicy('sarathi'), crowd, { ...machine, blocks: 12 }).preemptions).toBeGreaterThan(0);
  });
});

describe('request-level', () => {
  it('lets nobody in until the whole batch before is over', () => {
    const kinds: string[] = [];
    const late = { atMs: 150, promptTokens: 10, outputTokens: 2 };
    const batch = [4, 30].map((outputTokens): Arrival => ({ atMs: 0, promptTokens: 20, outputTokens }));
    const { finished } = drive(createPolicy('request-level'), [...batch, late], machine, ({ decodes, chunks }) => {
      kinds.push(decodes.length > 0 ? 'decode' : 'prompt');
      expect(decodes.length > 0 && chunks.length > 0).toBe(false);
    });
    expect(finished.map(({ name }) => name)).toEqual([0, 1, 2]);
    expect(kinds.join(' ')).toBe(['prompt', ...Array(29).fill('decode'), 'prompt', 'decode'].join(' '));
  });
});

describe('hybrid-only', () => {
  it('is stall-free without a budget', () => {
    const { decodes, chunks } = createPolicy('hybrid-only').decide(mixed);
    expect(decodes).toEqual([stream]);
    expect(chunks[0]!.tokens).toBe(600);
    expect(createPolicy('sarathi').decide(mixed).chunks[0]!.tokens).toBe(127);
  });
});

describe('chunk-only', () => {
  it('takes turns between slices of prompts and decodes', () => {
    const turns: string[] = [];
    const arriving = [
      { atMs: 0, promptTokens: 10, outputTokens: 6 },
      { atMs: 1, promptTokens: 180, outputTokens: 1 },
    ];
    drive(createPolicy('chunk-only'), arriving, machine, ({ decodes, chunks }) => {
      turns.push(`${decodes.length}+${chunks.reduce((sum, { tokens }) => sum + tokens, 0)}`);
    });
    expect(turns).toEqual(['0+10', '1+0', '0+64', '1+0', '0+64', '1+0', '0+52', '1+0', '1+0']);
  });
});

describe('mlfq', () => {
  it('lets a short request overtake long ones that have used their time', () => {
    const long = Array.from({ length: 4 }, (): Arrival => ({ atMs: 0, promptTokens: 30, outputTokens: 100 }));
    const arriving = [...long, { atMs: 700, promptTokens: 4, outputTokens: 3 }];
    const small = { ...machine, slots: 4 };
    const mlfq = drive(createPolicy('mlfq'), arriving, small);
    expect(mlfq.finished[0]!.name).toBe(4);
    expect(mlfq.preemptions).toBe(1);
    expect(drive(createPolicy('sarathi'), arriving, small).finished.at(-1)!.name).toBe(4);
  });

  it('starts a long prompt on a lower level than a short one', () => {
    const waiting = [view({ promptTokens: 500 }), view({ promptTokens: 5 })];
    expect(createPolicy('mlfq').decide(queueOf({ waiting })).chunks[0]!.sequence).toBe(waiting[1]);
  });

  it('brings back to the top who did not run for three seconds', () => {
    const starved = view({ promptTokens: 500, arrivalMs: nowMs - 3_000 });
    const fresh = view({ promptTokens: 40 });
    const first = createPolicy('mlfq').decide(queueOf({ waiting: [fresh, starved] })).chunks[0]!.sequence;
    expect(first).toBe(starved);
  });

  it('computes nobody anew for longer than it goes on then, also where that takes longer than others wait', () => {
    const cost: StepCost = { ...smallMachine, predictMs: (work) => 100 * smallMachine.predictMs(work) };
    const arriving = Array.from({ length: 4 }, (_, index) => ({ atMs: index, promptTokens: 12, outputTokens: 60 }));
    const { finished, steps, preemptions } = drive(createPolicy('mlfq'), arriving, { ...machine, slots: 1, cost });
    expect(finished).toHaveLength(4);
    expect(preemptions).toBeGreaterThan(0);
    expect(steps).toBeLessThan(2 * 4 * (60 + 1) + preemptions);
  });
});

describe('sjf', () => {
  const ended = (client: string, outputTokens: number): ObservedStep => ({
    decision: { decodes: [], chunks: [], preempted: [] },
    endMs: nowMs,
    passMs: 1,
    ended: [decoding(10, outputTokens, { client })],
  });

  it('puts the client first whose answers were short, other things being equal', () => {
    const policy = createPolicy('sjf');
    for (let i = 0; i < 5; i++) for (const one of [ended('talks', 300), ended('brief', 5)]) policy.observe(one);
    const waiting = ['talks', 'brief'].map((client) => view({ promptTokens: 40, tokensMax: 540, client }));
    expect(policy.decide(queueOf({ waiting })).chunks[0]!.sequence).toBe(waiting[1]);
  });

  it('goes by the most that was allowed while nothing is known', () => {
    const waiting = [400, 50].map((tokensMax) => view({ promptTokens: 40, tokensMax }));
    expect(createPolicy('sjf').decide(queueOf({ waiting })).chunks[0]!.sequence).toBe(waiting[1]);
  });

  it('lets a long job have its turn after it has waited as long as it takes', () => {
    const long = view({ promptTokens: 400, tokensMax: 800, arrivalMs: nowMs - 3_000 });
    const waiting = [view({ promptTokens: 40, tokensMax: 50 }), long];
    expect(createPolicy('sjf').decide(queueOf({ waiting })).chunks[0]!.sequence).toBe(long);
  });
});

describe('vtc', () => {
  it('shares between a client with many requests and one with few', () => {
    const greedy = Array.from(
      { length: 20 },
      (): Arrival => ({ atMs: 0, promptTokens: 30, outputTokens: 20, client: 'greedy' }),
    );
    const modest = Array.from(
      { length: 4 },
      (): Arrival => ({ atMs: 1, promptTokens: 30, outputTokens: 20, client: 'modest' }),
    );
    const rankOfModest = (name: PolicyName): number => {
      const { finished } = drive(createPolicy(name), [...greedy, ...modest], { ...machine, slots: 2 });
      return finished.findLastIndex(({ client }) => client === 'modest');
    };
    expect(rankOfModest('vtc')).toBeLessThan(10);
    expect(rankOfModest('sarathi')).toBe(23);
  });

  it('lets nobody save up while away', () => {
    const policy = createPolicy('vtc');
    const busy = view({ promptTokens: 100, client: 'busy' });
    policy.observe({ decision: policy.decide(queueOf({ waiting: [busy] })), endMs: nowMs, passMs: 1, ended: [] });
    const waiting = ['back', 'back', 'back', 'busy'].map((client) => view({ promptTokens: 10, client }));
    const running = [decoding(100, 1, { client: 'busy' })];
    const { chunks } = policy.decide(queueOf({ running, waiting, limits: { chunksMax: 4 } }));
    expect(chunks.map(({ sequence }) => sequence.client)).toEqual(['back', 'busy', 'back', 'back']);
  });
});

describe('priority classes', () => {
  const ordered: readonly PolicyName[] = [
    'slo',
    'sarathi',
    'prefill-first',
    'iteration-level',
    'request-level',
    'hybrid-only',
    'chunk-only',
    'mlfq',
    'sjf',
    'vtc',
  ];

  it.each(ordered)('come before arrival under %s, until age has made up for them', (name) => {
    const first = (ageMs: number) => {
      const low = view({ promptTokens: 20, priority: 'low', arrivalMs: nowMs - ageMs, objectives: patient });
      const high = view({ promptTokens: 20, priority: 'high', objectives: patient });
      return createPolicy(name).decide(queueOf({ waiting: [low, high] })).chunks[0]!.sequence.priority;
    };
    expect(first(1_000)).toBe('high');
    expect(first(20_000)).toBe('low');
  });

  it.each(['slo', 'sarathi', 'prefill-first', 'chunk-only'] satisfies PolicyName[])(
    'decide under %s who goes when memory runs out',
    (name) => {
      const low = decoding(15, 2, { priority: 'low', blocks: 1 });
      const high = decoding(15, 2, { priority: 'high', blocks: 1 });
      const policy = createPolicy(name);
      const decision = policy.decide(queueOf({ running: [low, high], slotsFree: 0, blocksFree: 0, blocksMax: 2 }));
      expect(decision).toMatchObject({ decodes: [high], preempted: [low] });
    },
  );
});

const patient = { ttftMs: 3_600_000, tbtMs: 3_600_000 };

/** More than a little memory holds at once. */
const crowd = Array.from({ length: 8 }, (_, index): Arrival => ({ atMs: index, promptTokens: 20, outputTokens: 60 }));
