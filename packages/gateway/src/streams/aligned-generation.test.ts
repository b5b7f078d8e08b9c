import type { GenerateEvent, GenerateRequestInit } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { AlignedGeneration } from './aligned-generation.js';

function event(...tokenIds: number[]): GenerateEvent {
  return {
    accepted: null,
    tokenIds,
    text: tokenIds.join(),
    logprobs: [],
    promptReport: null,
    finished: null,
    failed: null,
  };
}

/** A client that has 5 tokens, of which the journal has 2. */
function resume() {
  const requests: GenerateRequestInit[] = [];
  const heard: number[][] = [];
  const lost: ServingError[] = [];
  let cancelled = 0;
  const next = {
    onEvent: ({ tokenIds }: GenerateEvent) => heard.push(tokenIds),
    onLost: (error: ServingError) => lost.push(error),
  };
  const generation = new AlignedGeneration({ text: 'x', generatedTokenIds: [0, 1] }, 5, next, (request) => {
    requests.push(request);
    return { cancel: () => cancelled++ };
  });
  return { generation, requests, heard, lost, cancelled: () => cancelled };
}

describe('AlignedGeneration', () => {
  it('passes on what fits, in however many steps it comes', () => {
    const { generation, heard, requests } = resume();
    for (const tokenIds of [[2, 3], [4], [5, 6, 7], [8]]) generation.onEvent(event(...tokenIds), 0);
    expect(heard).toEqual([[2, 3], [4], [5, 6, 7], [8]]);
    expect(requests.length).toBe(1);
  });

  it('asks again, behind what came before, for tokens from both sides of the mark', () => {
    const { generation, heard, requests, cancelled } = resume();
    generation.onEvent(event(2), 0);
    generation.onEvent(event(3, 4, 5), 0);
    expect(cancelled()).toBe(1);
    expect(requests.at(-1)).toEqual({ text: 'x', generatedTokenIds: [0, 1, 2] });
    for (const tokenId of [3, 4, 5]) generation.onEvent(event(tokenId), 0);
    expect(heard).toEqual([[2], [3], [4], [5]]);
  });

  it('gives the request back when that happens time and again', () => {
    const { generation, requests, lost } = resume();
    for (let round = 0; round < 8; round++) generation.onEvent(event(2, 3, 4, 5), 0);
    expect(requests.length).toBe(8);
    expect(lost.map(({ code }) => code)).toEqual(['draining']);
  });
});
