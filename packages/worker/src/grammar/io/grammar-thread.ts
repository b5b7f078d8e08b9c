import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '@sluice/shared';
import { GrammarCompiler } from '../compile-grammar.js';
import type { GrammarSource } from '../grammar-source.js';
import type { GrammarVocabulary } from '../grammar-vocabulary.js';
import { createBinding } from './grammar-library.js';

/** The thread of a GrammarPool: its `workerData` is the vocabulary, each message a grammar. */
const port = parentPort;
assert(port !== null, 'this file runs as a worker thread');
const compiler = new GrammarCompiler(createBinding, workerData as GrammarVocabulary);

port.on('message', (source: GrammarSource) => {
  void compiler.compile(source).then((outcome) => {
    const parts = outcome.kind === 'compiled' ? [outcome.frozen.pages.buffer, outcome.frozen.pageNumbers.buffer] : [];
    port.postMessage(outcome, parts);
  });
});
