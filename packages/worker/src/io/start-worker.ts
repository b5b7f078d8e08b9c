import { randomUUID } from 'node:crypto';
import type { TlsOptions } from '@sluice/proto';
import { type Clock, cacheFolder, createLog, type LoadState, systemClock } from '@sluice/shared';
import { Engine } from '../engine/engine.js';
import { probePasses } from '../engine/probe-passes.js';
import { createPolicy, defaultPolicy } from '../engine/scheduler/policies.js';
import { defaultObjectives } from '../engine/sequence.js';
import type { SpeculationMode } from '../engine/speculation/speculation.js';
import type { StepRecord } from '../engine/step-record.js';
import type { KvWish } from '../model/compile/kv-format.js';
import type { ExecutorMode } from '../model/executor-choice.js';
import { createWorkerServer, type WorkerServer } from '../service/worker-server.js';
import { chooseKernels, type KernelChoice, type KernelWish } from './kernels/choose-kernels.js';
import { type LoadParts, loadModel } from './load-model.js';
import type { FetchProgress } from './models/fetch-progress.js';
import { resolveModel } from './models/resolve-model.js';
import type { PinMode } from './processors.js';
import type { WeightWish } from './weights/choose-weights.js';
import type { SizeWishes } from './worker-limits.js';

export interface WorkerOptions extends Omit<SizeWishes, 'kv' | 'kernels'> {
  /** Short name, hub id or path; see resolveModel. */
  readonly model: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Threads of a forward pass. */
  readonly threads: number;
  readonly weights: WeightWish;
  /** Whose operators the model runs on; default `auto`: our own where they can be had. */
  readonly kernels?: KernelWish;
  /** How keys and values are kept; default `auto`: as `kvFor` chooses. */
  readonly kv?: KvWish;
  /** Whether threads of passes are bound to processors; default `auto`. */
  readonly pin?: PinMode;
  /** Whether a pass is shared out among narrow executors; default `auto`. */
  readonly executors?: ExecutorMode;
  /** Whether tokens are guessed; default `ngram`. */
  readonly speculation?: SpeculationMode;
  /** Workers that share the machine's free memory evenly, this one included; absent: 1. */
  readonly memoryParts?: number;
  /** Gateways have to show a certificate; absent: no encryption. */
  readonly tls?: TlsOptions;
  /** Whether prompts are kept for later ones that begin alike. */
  readonly prefixCache: boolean;
  /** Whether text that a grammar leaves no choice about is taken without sampling; absent: it is. */
  readonly jumpForward?: boolean;
  /** Objectives of requests that bring none; absent: 5 s to the first token, 200 ms between tokens. */
  readonly ttftMs?: number;
  readonly tbtMs?: number;
  readonly onProgress?: (progress: WorkerProgress) => void;
  readonly onStep?: (step: StepRecord) => void;
  /**
   * The engine cannot go on (see `EngineParts.onFatal`) and its clients have been told, or could not begin (`probePasses`).
   * Must end the process, and not by `process.exit`, which waits for a pass that hangs.
   */
  readonly onFatal: (cause: unknown) => never;
}

/** How far the start has come. */
export interface WorkerProgress {
  /** What is going on, in words. */
  readonly phase: string;
  readonly done: number;
  /** In the unit of `done`; undefined where nobody knows. */
  readonly total: number | undefined;
}

export interface RunningWorker {
  /** `host:port` of the gRPC service. */
  readonly address: string;
  readonly port: number;
  readonly model: string;
  /** New at each start. */
  readonly epoch: string;
  /** What it is doing now. */
  load(): LoadState;
  /** Requests whose text is held to a form, those that wait for their grammar included. */
  guides(): number;
  /**
   * Takes no new requests; resolves when the running ones have ended.
   * @param handOverMs those that still run after so many milliseconds are handed over to other workers.
   */
  drain(handOverMs?: number): Promise<void>;
  /** Ends what runs and frees everything. */
  close(): Promise<void>;
}

/** Requests that may wait for a slot; one more is refused. */
const WAITING_MAX = 1024;
const LULL_LOOK_MS = 50;
const LULL_LOOKS = 40;
const QUIET_LOOKS = 20;
/** What readers get to fetch what was sent before the port is closed. */
const CLOSE_GRACE_MS = 1_000;

/**
 * From a model's name to a replica that serves it: find or fetch the file, compile it or find it compiled, load it, start
 * the batch loop, listen.
 * @throws ServingError `model_not_found`, `model_unusable` or `invalid_request` in one line for the operator.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const log = createLog('worker');
  const clock = systemClock();
  const cache = cacheFolder();
  const progress = options.onProgress ?? (() => {});
  const scheduler = options.scheduler ?? defaultPolicy;
  const { name, loaded } = await fetchAndLoad(options, { cacheFolder: cache, progress, clock, log });
  const { model, memory, text, closeText, guides, config, sizes, choice, kernels, kv, fillIn } = loaded;
  const probed = memory.before === undefined ? await probePasses(model, clock, log).catch(options.onFatal) : undefined;
  const rememberedCost = memory.before?.cost ?? probed?.cost;

  let server: WorkerServer | undefined;
  const engine = new Engine(
    {
      tokenBudget: sizes.tokenBudget,
      kvTokensMax: sizes.kvTokensMax,
      swapBytesMax: sizes.swapBytesMax,
      waitingMax: WAITING_MAX,
      prefixCache: options.prefixCache,
      speculation: options.speculation ?? 'ngram',
      objectives: {
        ttftMs: options.ttftMs ?? defaultObjectives.ttftMs,
        tbtMs: options.tbtMs ?? defaultObjectives.tbtMs,
      },
    },
    {
      model,
      policy: createPolicy(scheduler),
      clock,
      log,
      listener: (events) => server?.onStep(events),
      onFatal: (cause) => {
        const end = () => options.onFatal(cause);
        (server?.close(CLOSE_GRACE_MS) ?? Promise.resolve()).then(end, end);
      },
      ...(options.onStep === undefined ? {} : { onStep: options.onStep }),
      ...(rememberedCost === undefined ? {} : { rememberedCost }),
    },
  );
  memory.follow({
    passes: () => engine.load().steps,
    learnt: () => ({ cost: engine.rememberedCost, choice: model.rememberedChoice }),
  });
  const epoch = randomUUID();
  server = createWorkerServer({
    engine,
    text,
    info: {
      name,
      architecture: config.architecture,
      contextTokens: sizes.contextTokens,
      vocabularyCount: config.vocabularyCount,
      hasChatTemplate: text.chatTemplate !== undefined,
      toolFormat: text.chatTemplate?.toolFormat ?? '',
      endTokenIds: [...text.tokenizer.endTokenIds],
      createdSeconds: Math.floor(clock.wallMs() / 1000),
      weights: choice.weights,
      kernels: kernels.kernels,
      kv,
      embeddingLength: model.limits.embeddingLength ?? 0,
      ...(fillIn === undefined ? {} : { fillIn }),
    },
    epoch,
    log,
    clock,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
  });
  const close = async (): Promise<void> => {
    await server.close(CLOSE_GRACE_MS);
    await engine.close();
    await memory.close();
    await closeText();
    model.close();
  };
  try {
    const port = await server.listen(options.host, options.port);
    log.info(
      {
        model: name,
        scheduler,
        ...sizes,
        threads: options.threads,
        weights: choice.weights,
        weightsReason: choice.reason,
        kernels: kernels.kernels,
        kernelsReason: kernels.reason,
        kv,
        passesRemembered: memory.before !== undefined,
        passesProbed: probed?.passes ?? 0,
        port,
      },
      'the worker is ready',
    );
    // What only later passes need. One that comes before opens it itself, and says so where it cannot be opened.
    model
      .openRest(() => lullOf(engine, clock))
      .catch((error: unknown) => log.warn({ err: error }, 'a session of the model could not be opened'));
    return {
      address: `${options.host}:${port}`,
      port,
      model: name,
      epoch,
      load: () => engine.load(),
      guides,
      drain: (handOverMs) => server.drain(handOverMs),
      close,
    };
  } catch (failure) {
    await close();
    throw failure;
  }
}

/** Where the model has to be fetched, what its operators are made with is fetched beside it. */
async function fetchAndLoad(options: WorkerOptions, parts: Omit<LoadParts, 'kernels'>) {
  const { cacheFolder, progress } = parts;
  const fetching = new AbortController();
  // One line of progress: the model's first, what is left of the operators' behind it.
  let isModelHere = false;
  let choosing: Promise<KernelChoice> | undefined;
  const kernels = (): Promise<KernelChoice> => {
    if (choosing !== undefined) return choosing;
    choosing = chooseKernels(options.kernels ?? 'auto', {
      cacheFolder,
      env: process.env,
      onProgress: (fetch) => isModelHere && progress(fetchProgress(fetch)),
      signal: fetching.signal,
    });
    // Awaited where the model is loaded, if it comes to that.
    choosing.catch(() => {});
    return choosing;
  };
  try {
    const { path, name } = await resolveModel(options.model, {
      cacheFolder,
      env: process.env,
      onProgress: (fetch) => {
        progress(fetchProgress(fetch));
        void kernels();
      },
    });
    isModelHere = true;
    return { name, loaded: await loadModel(path, options, { ...parts, kernels }) };
  } finally {
    fetching.abort();
  }
}

/** Until there has been nothing to do for a second, and at most two. */
async function lullOf(engine: Engine, clock: Clock): Promise<void> {
  let quiet = 0;
  for (let look = 0; look < LULL_LOOKS && quiet < QUIET_LOOKS; look++) {
    await new Promise<void>((resolve) => clock.after(LULL_LOOK_MS, resolve));
    quiet = engine.load().running === 0 ? quiet + 1 : 0;
  }
}

function fetchProgress({ phase, what, bytesDone, bytesTotal }: FetchProgress): WorkerProgress {
  return { phase: `${phase} ${what}`, done: bytesDone, total: bytesTotal };
}
