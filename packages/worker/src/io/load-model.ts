import { type Clock, type Logger, ServingError } from '@sluice/shared';
import { createForcedIds } from '../grammar/forced-ids.js';
import { grammarVocabularyOf } from '../grammar/grammar-vocabulary.js';
import { createGrammars } from '../grammar/io/create-grammars.js';
import type { DecoderConfig } from '../model/architectures/config.js';
import { kvFor } from '../model/compile/kernels.js';
import { narrowExecutors } from '../model/executor-width.js';
import type { GgufFile } from '../model/gguf/gguf-file.js';
import { LaneModel } from '../model/lane-model.js';
import { createTextPort, type TextPort } from '../service/text-port.js';
import { createChatTemplate } from '../text/chat-template.js';
import { fillInTokens } from '../text/fill-in.js';
import { createTokenizer } from '../text/tokenizer.js';
import { openCompiled } from './compiled/compiled-folder.js';
import { freeMemoryBytes } from './free-memory.js';
import { fittingKernels, type KernelChoice } from './kernels/choose-kernels.js';
import { hasByteProducts } from './kernels/processor-features.js';
import { openGguf } from './models/open-gguf.js';
import { PassMemory } from './pass-memory.js';
import { processorsFor } from './processors.js';
import { readTokenizer } from './read-tokenizer.js';
import type { WorkerOptions, WorkerProgress } from './start-worker.js';
import { TokenizerPool } from './tokenizer-pool.js';
import { chooseWeights } from './weights/choose-weights.js';
import { workerSizes } from './worker-limits.js';

/** Prompt lanes of the graphs a worker has: the most prompts of which one step can compute a slice. */
export const CHUNK_COUNTS = [0, 1, 2];
/** Decode lanes of the graphs for drafts: the most tokens of a sequence in a pass, with few and with many sequences. */
export const DECODE_COUNTS = [4, 8];

/** What a start works with. */
export interface LoadParts {
  readonly cacheFolder: string;
  readonly progress: (progress: WorkerProgress) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whose operators; may have to be fetched and compiled, or be on their way already. */
  readonly kernels: () => Promise<KernelChoice>;
}

/**
 * The model and everything between text and tokens, the model's first sessions open: what is not on disk yet is made and
 * measured first.
 * @throws ServingError as `startWorker`.
 */
export async function loadModel(modelPath: string, options: WorkerOptions, parts: LoadParts) {
  const file = await openGguf(modelPath);
  // In no closure that outlives the start: its header is tens of megabytes.
  try {
    return await loadFile(file, options, parts);
  } finally {
    await file.close();
  }
}

async function loadFile(file: GgufFile, options: WorkerOptions, parts: LoadParts) {
  const { cacheFolder, progress, clock, log } = parts;
  // First, because a compiler that works beside it would be measured with the weights.
  const kvWish = options.kv ?? 'auto';
  const kernels = await fittingKernels(options.kernels ?? 'auto', file, kvWish, parts.kernels);
  const library = kernels.libraryPath === undefined ? {} : { operatorLibrary: kernels.libraryPath };
  const choice = await chooseWeights(file, options.weights, { threads: options.threads, cacheFolder, ...library });
  const kv = kvFor(kvWish, kernels.kernels, choice.weights, hasByteProducts());
  const compiled = await openCompiled(file, {
    weights: choice.weights,
    kv,
    kernels: kernels.kernels,
    threads: options.threads,
    chunkCounts: CHUNK_COUNTS,
    decodeCounts: DECODE_COUNTS,
    cacheFolder,
    onProgress: (fraction) => progress({ phase: 'compile', done: fraction, total: 1 }),
  });
  const { config } = compiled;
  const memoryFreeBytes = freeMemoryBytes() / (options.memoryParts ?? 1);
  const sizes = workerSizes({ ...options, kv, kernels: kernels.kernels }, config, memoryFreeBytes);
  progress({ phase: 'load', done: 0, total: undefined });
  const computing = {
    threads: options.threads,
    executors: options.executors ?? 'auto',
    narrowCount: Math.min(narrowExecutors(options.threads).count, callsAtOnce()),
  };
  const memory = await PassMemory.open({ weightsPath: compiled.weightsPath, ...computing }, cacheFolder, clock, log);
  const processors = processorsFor(options.threads, options.pin ?? 'auto');
  const model = new LaneModel(compiled, {
    slots: sizes.slots,
    contextTokens: sizes.contextTokens,
    stepTokensMax: sizes.stepTokensMax,
    ...computing,
    ...(processors === undefined ? {} : { processors }),
    nowMs: () => clock.nowMs(),
    ...library,
    ...(memory.before === undefined ? {} : { rememberedChoice: memory.before.choice }),
  });
  try {
    // On other threads, beside the tokenizer.
    const opening = model.openFirst();
    const [words] = await Promise.all([loadText(file, options, config, clock), opening]);
    return { model, memory, ...words, config, sizes, choice, kernels, kv };
  } catch (failure) {
    model.close();
    throw failure;
  }
}

/** Everything between text and tokens. */
async function loadText(file: GgufFile, options: WorkerOptions, { vocabularyCount }: DecoderConfig, clock: Clock) {
  const definition = await readTokenizer(file);
  const tokenizer = createTokenizer(definition);
  if (tokenizer.vocabularyCount > vocabularyCount) {
    throw new ServingError(
      'model_unusable',
      `${file.path}: a tokenizer of ${tokenizer.vocabularyCount} tokens must have at most the ${vocabularyCount} of the model`,
    );
  }
  const template = file.metadata.optionalString('tokenizer.chat_template');
  const chatTemplate =
    template === undefined
      ? undefined
      : createChatTemplate({ definition, template, shield: tokenizer.shield, wallMs: () => Date.now() });
  const pool = new TokenizerPool({ definition, tokenizer });
  const grammars = createGrammars(
    grammarVocabularyOf(tokenizer, vocabularyCount),
    clock,
    options.jumpForward === false ? undefined : createForcedIds(tokenizer),
  );
  const text: TextPort = createTextPort(
    tokenizer,
    chatTemplate,
    (words, encode) => pool.encode(words, encode),
    (source) => grammars.guideFor(source),
  );
  const closeText = async (): Promise<void> => {
    await Promise.all([pool.close(), grammars.close()]);
  };
  return {
    text,
    closeText,
    guides: () => grammars.cache.guides,
    fillIn: fillInTokens(definition.tokens, file.metadata),
  };
}

/** Native calls that run beside the JS thread at the same time, others waiting for one to end; as libuv reads it. */
function callsAtOnce(): number {
  const wish = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
  return wish >= 1 ? Math.floor(wish) : 4;
}
