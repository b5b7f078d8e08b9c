import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { type DeltaInit, type GatewayMessage, type WorkerMessageInit, workerServiceDefinition } from '@sluice/proto';
import { dieWhenTold } from './mock-death.js';
import { MODEL, NUMBERED, tokenText } from './mock-text.js';

/**
 * A worker that computes nothing, as a process of its own: `node mock-worker.js PORT STEP_MS [numbered]`. Each step every
 * request gains one token, in one frame, as from a real engine; a request for one token gets it at once. A request that
 * comes with tokens of another worker goes on behind them.
 */
type Call = ServerDuplexStream<GatewayMessage, WorkerMessageInit>;

interface Reader {
  frame: number;
  readonly requests: Map<number, Request>;
}

interface Request {
  left: number;
  readonly tokens: number;
}

const [port = '', stepMs = '', numbers = ''] = process.argv.slice(2);
const isNumbered = numbers === NUMBERED;
const load = {
  state: 'WORKER_STATE_READY',
  slotsMax: 8_192,
  kvTokensMax: 100_000_000,
  prefillTokensPerSecond: 1e6,
} as const;
const readers = new Map<Call, Reader>();
dieWhenTold(() => Array.from(readers.values()).reduce((sum, { requests }) => sum + requests.size, 0));

function onMessage(call: Call, reader: Reader, message: GatewayMessage): void {
  if (message.attach) call.write({ welcome: { epoch: `${process.pid}`, framesUnacknowledgedMax: 1_024, load, model } });
  if (message.cancel) reader.requests.delete(message.cancel.id);
  if (!message.submit?.request) return;
  const { id, request } = message.submit;
  const accepted = { id, event: { accepted: { promptTokens: 7 } } };
  if (request.tokensMax === 1) {
    send(call, reader, [
      accepted,
      { id, event: { tokenIds: [1], text: tokenText(1, isNumbered), finished: finished(1) } },
    ]);
  } else {
    const left = request.tokensMax - request.generatedTokenIds.length;
    reader.requests.set(id, { left, tokens: request.tokensMax });
    send(call, reader, [accepted]);
  }
}

function step(): void {
  for (const [call, reader] of readers) {
    const deltas: DeltaInit[] = [];
    for (const [id, request] of reader.requests) {
      const text = tokenText(request.tokens - request.left + 1, isNumbered);
      request.left -= 1;
      const isLast = request.left === 0;
      if (isLast) reader.requests.delete(id);
      deltas.push({ id, event: { tokenIds: [1], text, ...(isLast ? { finished: finished(request.tokens) } : {}) } });
    }
    if (deltas.length > 0) send(call, reader, deltas);
  }
}

function send(call: Call, reader: Reader, deltas: DeltaInit[]): void {
  reader.frame += 1;
  call.write({ frame: { frame: reader.frame, deltas, load } });
}

function finished(completionTokens: number) {
  return { reason: 'FINISH_REASON_LENGTH', promptTokens: 7, completionTokens, cachedTokens: 0 } as const;
}

const model = {
  name: MODEL,
  architecture: 'llama',
  contextTokens: 8_192,
  vocabularyCount: 50_000,
  hasChatTemplate: true,
  endTokenIds: [0],
  createdSeconds: 1_700_000_000,
  weights: 'q8',
};

const server = new Server();
server.addService(
  { Attach: workerServiceDefinition.Attach },
  {
    Attach: (call: Call) => {
      const reader: Reader = { frame: 0, requests: new Map() };
      readers.set(call, reader);
      call.on('data', (message: GatewayMessage) => onMessage(call, reader, message));
      for (const end of ['error', 'cancelled', 'end']) call.on(end, () => readers.delete(call));
    },
  },
);
setInterval(step, Number(stepMs));
setInterval(() => {
  for (const [call, reader] of readers) send(call, reader, []);
}, 500);
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (cause) => {
  if (cause !== null) throw cause;
  process.stdout.write('ready\n');
});
