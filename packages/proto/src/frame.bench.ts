import { bench, describe } from 'vitest';
import type { WorkerMessageInit } from './index.js';
import { workerServiceDefinition } from './index.js';

// What the wire costs per engine step: one frame of 64 deltas of one token each, with the load.
const { responseSerialize, responseDeserialize } = workerServiceDefinition.Attach;

for (const logprobs of [false, true]) {
  const message = frameOf(64, logprobs);
  const bytes = responseSerialize(message);
  describe(`StepFrame, 64 deltas${logprobs ? ' with 5 log-probabilities each' : ''}, ${bytes.length} bytes`, () => {
    bench('encode', () => {
      responseSerialize(message);
    });
    bench('decode', () => {
      responseDeserialize(bytes);
    });
  });
}

function frameOf(deltaCount: number, logprobs: boolean): WorkerMessageInit {
  const top = Array.from({ length: 5 }, (_, rank) => ({ tokenId: rank, token: Buffer.from('to'), logprob: -rank }));
  const token = { tokenId: 5, token: Buffer.from(' to'), logprob: -1, top };
  const message: WorkerMessageInit = {
    frame: {
      frame: 123_456,
      deltas: Array.from({ length: deltaCount }, (_, index) => ({
        id: 1_000 + index,
        event: { tokenIds: [12_345 + index], text: ' hello', logprobs: logprobs ? [token] : [] },
      })),
      load: { state: 'WORKER_STATE_READY', running: 64, kvTokensUsed: 10_000, kvTokensMax: 100_000, steps: 123_456 },
    },
  };
  return message;
}
