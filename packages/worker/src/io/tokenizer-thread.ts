import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '@sluice/shared';
import { createTokenizer } from '../text/tokenizer.js';
import type { TokenizerDefinition } from '../text/tokenizer-definition.js';
import type { EncodeReply, EncodeRequest } from './tokenizer-pool.js';

/** The thread of a TokenizerPool: its `workerData` is the definition, each message a text. */
const port = parentPort;
assert(port !== null, 'this file runs as a worker thread');
const tokenizer = createTokenizer(workerData as TokenizerDefinition);

port.on('message', ({ id, text, options }: EncodeRequest) => {
  try {
    const ids = Int32Array.from(tokenizer.encode(text, options));
    port.postMessage({ id, ids } satisfies EncodeReply, [ids.buffer]);
  } catch (thrown) {
    port.postMessage({ id, failure: String(thrown) } satisfies EncodeReply);
  }
});
