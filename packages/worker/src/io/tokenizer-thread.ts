import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import { assert } from '@sluice/shared';
import { createTokenizer, type Tokenizer } from '../text/tokenizer.js';
import type { TokenizerDefinition } from '../text/tokenizer-definition.js';
import type { EncodeReply, EncodeRequest } from './tokenizer-pool.js';

/** The thread of a TokenizerPool: its first message is the definition, each later one a text. */
const port = parentPort;
assert(port !== null, 'this file runs as a worker thread');

port.once('message', (definition: TokenizerDefinition) => {
  const tokenizer = createTokenizer(definition);
  port.on('message', (request: EncodeRequest) => port.postMessage(...encode(tokenizer, request)));
  // Neither the definition nor what making a tokenizer of it left behind is needed again, and it is more than what stays.
  setImmediate(collectGarbage);
});

function encode(tokenizer: Tokenizer, { id, text, options }: EncodeRequest): [EncodeReply, ArrayBuffer[]] {
  try {
    const ids = Int32Array.from(tokenizer.encode(text, options));
    return [{ id, ids }, [ids.buffer]];
  } catch (thrown) {
    return [{ id, failure: String(thrown) }, []];
  }
}

/** Of this thread. A collector that sees no want of room would leave it for hours. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
