import { createLog, type LoadState, systemClock } from '@sluice/shared';
import {
  createPolicy,
  createTextPort,
  createTokenizer,
  createWorkerServer,
  defaultObjectives,
  defaultPolicy,
  Engine,
  type EnginePort,
  type SequenceEvent,
  type WorkerServer,
} from '@sluice/worker';
import { CostedModel } from '../simulate/costed-model.js';
import type { Machine } from '../simulate/machine.js';

/** A worker without a model: its own service and engine, over a machine that only takes time, this time real. */
export interface ServedWorker {
  readonly address: string;
  close(): Promise<void>;
}

const MODEL = 'costed';
const CLOSE_GRACE_MS = 100;

const log = createLog('bench');
log.level = 'silent';

/**
 * Listens on a free port of this machine.
 * @param onEnd a request has ended; its prompt's tokens, and how many of them were cached.
 */
export async function startServedWorker(
  machine: Machine,
  onEnd: (promptTokens: number, cachedTokens: number) => void,
): Promise<ServedWorker> {
  const clock = systemClock();
  const model = new CostedModel(machine, machine.slotsMax + machine.contextTokens, clock);
  const prompts = new Map<string, { readonly promptTokens: number; cachedTokens: number }>();
  const count = (events: readonly SequenceEvent[]): void => {
    for (const event of events) {
      const prompt = prompts.get(event.id);
      if (prompt === undefined) continue;
      if (event.kind === 'token') prompt.cachedTokens = event.cachedTokens;
      else {
        prompts.delete(event.id);
        onEnd(prompt.promptTokens, prompt.cachedTokens);
      }
    }
  };
  let server: WorkerServer | undefined;
  const engine = new Engine(
    {
      tokenBudget: machine.tokenBudget.strict,
      kvTokensMax: machine.kvTokensMax,
      waitingMax: 1024,
      prefixCache: true,
      objectives: defaultObjectives,
    },
    {
      model,
      policy: createPolicy(defaultPolicy),
      clock,
      log,
      listener: (events) => {
        count(events);
        server?.onStep(events);
      },
    },
  );
  const port: EnginePort = {
    contextTokens: machine.contextTokens,
    submit: (request) => {
      prompts.set(request.id, { promptTokens: request.promptIds.length, cachedTokens: 0 });
      return engine.submit(request);
    },
    cancel: (id) => engine.cancel(id),
    load: (): LoadState => engine.load(),
    drain: () => engine.drain(),
    close: () => engine.close(),
  };
  server = createWorkerServer({
    engine: port,
    text: createTextPort(byteTokenizer(), undefined),
    info: { name: MODEL, architecture: 'none', contextTokens: machine.contextTokens, vocabularyCount: 256 },
    epoch: `${process.hrtime.bigint()}`,
    log,
    clock,
  });
  const { close } = server;
  const listening = await server.listen('127.0.0.1', 0);
  return {
    address: `127.0.0.1:${listening}`,
    close: async () => {
      await close(CLOSE_GRACE_MS);
      await engine.close();
    },
  };
}

/** A token is a byte, and its id that byte. */
function byteTokenizer() {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).padStart(2, '0').toUpperCase()}>`);
  return createTokenizer({
    tokens: bytes,
    kinds: bytes.map(() => 'byte' as const),
    spelling: 'sentencepiece',
    addSpacePrefix: false,
    beginTokenId: undefined,
    addBegin: false,
    endTokenId: 0,
    endTokenIds: [0],
    chatTemplate: undefined,
    encoder: { kind: 'sentencepiece', scores: bytes.map(() => 0) },
  });
}
