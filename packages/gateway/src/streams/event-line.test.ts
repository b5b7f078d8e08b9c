import type { GenerateEvent, TokenLogprob } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { readLines, writeFailure, writeLine } from './event-line.js';

function event(given: Partial<GenerateEvent>): GenerateEvent {
  return {
    accepted: null,
    tokenIds: [],
    text: '',
    logprobs: [],
    promptReport: null,
    finished: null,
    failed: null,
    ...given,
  };
}

const entry: TokenLogprob = { tokenId: 3, token: Buffer.from([0xff, 0]), logprob: Math.fround(-0.1), top: [] };

describe('writeLine', () => {
  it.each([
    event({ accepted: { promptTokens: 7 } }),
    event({ tokenIds: [12], text: ' it’s\n"so"\u2028\u0000' }),
    event({ tokenIds: [1, 2, 3] }),
    event({ text: 'held back' }),
    event({ tokenIds: [3], logprobs: [{ ...entry, top: [{ ...entry, logprob: Number.NEGATIVE_INFINITY }] }] }),
    event({
      tokenIds: [0],
      finished: {
        reason: 'FINISH_REASON_STOP',
        stopString: 'x',
        promptTokens: 7,
        completionTokens: 2,
        cachedTokens: 3,
        ttft: 'OBJECTIVE_OUTCOME_MET',
        tbt: 'OBJECTIVE_OUTCOME_MISSED',
      },
    }),
  ])('writes what readLines reads: %j', (given) => {
    const line = writeLine(given);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(readLines(line + line)).toEqual([given, given]);
  });

  it('leaves out that a worker failed: the next one may not', () => {
    const failed = { code: 'worker_lost', message: 'gone', field: '' };
    expect(readLines(writeLine(event({ tokenIds: [1], failed })))).toEqual([event({ tokenIds: [1] })]);
  });
});

describe('writeFailure', () => {
  it('writes an event that says what failed', () => {
    const error = new ServingError('engine_failed', 'no\nmore', { field: 'prompt' });
    const failed = { code: 'engine_failed', message: 'no\nmore', field: 'prompt' };
    expect(readLines(writeFailure(error))).toEqual([event({ failed })]);
  });
});

describe('readLines', () => {
  it.each(['{', '{}', '[1,2]', '[[1]]', 'null'])('refuses %s', (line) => {
    expect(() => readLines(line)).toThrow();
  });
});
