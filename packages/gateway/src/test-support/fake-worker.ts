import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  type DeltaInit,
  type DetokenizeReplyInit,
  type DetokenizeRequest,
  errorToStatus,
  type GatewayMessage,
  type GenerateEventInit,
  type GenerateRequest,
  type LoadInit,
  type ModelInfoInit,
  type TokenizeReplyInit,
  type TokenizeRequest,
  type WireError,
  type WorkerMessageInit,
  workerServiceDefinition,
} from '@sluice/proto';

type AttachCall = ServerDuplexStream<GatewayMessage, WorkerMessageInit>;

export interface FakeWorkerOptions {
  readonly model?: string;
  readonly contextTokens?: number;
  /** Default: hermes. */
  readonly toolFormat?: string;
  readonly embeddingLength?: number;
  /** Default: it does not fill in the middle. */
  readonly fillIn?: NonNullable<ModelInfoInit['fillIn']>;
  readonly port?: number;
  readonly framesUnacknowledgedMax?: number;
  /** Milliseconds between frames without tokens; default 500, as a real worker. */
  readonly beatMs?: number;
  /** What the worker does with a request; default: {@link helloScript}. */
  readonly onSubmit?: (run: FakeRun) => void;
  /** What it answers when it is asked for tokens; default: a token for each byte. An error is a refusal. */
  readonly onTokenize?: (request: TokenizeRequest) => TokenizeReplyInit | WireError;
}

/** One request as a script sees it. */
export interface FakeRun {
  readonly id: number;
  readonly request: GenerateRequest;
  /** Sends one frame with these events, in order, and gives its number; 0 when there is nobody to send it to. */
  send(...events: GenerateEventInit[]): number;
}

/** A worker that speaks the real contract over a real socket and does what a test tells it. */
export interface FakeWorker {
  readonly address: string;
  readonly port: number;
  readonly requests: GenerateRequest[];
  /** Request ids in the order of their Cancel. */
  readonly cancelled: string[];
  /** Frame numbers acknowledged. */
  readonly acknowledged: number[];
  readonly attachCount: number;
  setLoad(load: LoadInit): void;
  /** Sends one frame without tokens. */
  beat(): void;
  /** Ends every stream with an error, as a crash would, and keeps listening. */
  cut(): void;
  /** Ends every stream in order, without a reason, and keeps listening. */
  end(): void;
  /** Goes on listening and says nothing any more, as a process that hangs. */
  hang(): void;
  /** Sends a frame with a number that is not the next one. */
  skipFrame(): void;
  close(): void;
  /** Resolves as soon as `condition` holds, looked at after every message from a gateway. */
  until(condition: (worker: FakeWorker) => boolean): Promise<void>;
}

export const idleLoad: LoadInit = { state: 'WORKER_STATE_READY', slotsMax: 16, kvTokensMax: 4096 };

/** Accepts, says "Hello world" in two steps, and ends. */
export function helloScript(run: FakeRun): void {
  run.send({ accepted: { promptTokens: 7 } });
  run.send({ tokenIds: [1], text: 'Hello' });
  run.send({ tokenIds: [2], text: ' world', finished: finished('FINISH_REASON_STOP', 2) });
}

function bytesOf({ text, messagesJson, withTokens }: TokenizeRequest): TokenizeReplyInit {
  const bytes = Buffer.from(text ?? messagesJson ?? '');
  return { ids: [...bytes], tokens: withTokens ? [...bytes].map((byte) => Buffer.of(byte)) : [] };
}

export function finished(reason: 'FINISH_REASON_STOP' | 'FINISH_REASON_LENGTH', completionTokens: number) {
  return { reason, promptTokens: 7, completionTokens, cachedTokens: 3 };
}

export async function startFakeWorker(options: FakeWorkerOptions = {}): Promise<FakeWorker> {
  const streams = new Map<AttachCall, { frame: number; runs: Map<number, string> }>();
  const waiters = new Set<() => void>();
  const requests: GenerateRequest[] = [];
  const cancelled: string[] = [];
  const acknowledged: number[] = [];
  let load = idleLoad;
  let attachCount = 0;
  let isHung = false;

  const sendFrame = (call: AttachCall, deltas: DeltaInit[]): number => {
    const stream = streams.get(call);
    if (stream === undefined || isHung) return 0;
    stream.frame += 1;
    call.write({ frame: { frame: stream.frame, deltas, load } });
    return stream.frame;
  };
  const onMessage = (call: AttachCall, message: GatewayMessage): void => {
    const runs = streams.get(call)?.runs;
    if (isHung) return;
    if (message.attach) {
      attachCount += 1;
      call.write({
        welcome: {
          epoch: `epoch-${attachCount}`,
          framesUnacknowledgedMax: options.framesUnacknowledgedMax ?? 64,
          load,
          model: {
            name: options.model ?? 'fake/model',
            architecture: 'llama',
            contextTokens: options.contextTokens ?? 256,
            vocabularyCount: 1000,
            hasChatTemplate: true,
            endTokenIds: [0],
            createdSeconds: 1_700_000_000,
            weights: 'q8',
            kernels: 'own',
            kv: 'q8',
            toolFormat: options.toolFormat ?? 'hermes',
            embeddingLength: options.embeddingLength ?? 0,
            fillIn: options.fillIn ?? null,
          },
        },
      });
    } else if (message.submit?.request) {
      const { id, request } = message.submit;
      requests.push(request);
      runs?.set(id, request.requestId);
      const send = (...events: GenerateEventInit[]): number =>
        sendFrame(
          call,
          events.map((event) => ({ id, event })),
        );
      (options.onSubmit ?? helloScript)({ id, request, send });
    } else if (message.cancel) {
      cancelled.push(runs?.get(message.cancel.id) ?? `unknown ${message.cancel.id}`);
    } else if (message.acknowledge) {
      acknowledged.push(message.acknowledge.frame);
    }
  };

  const server = new Server();
  const handlers: UntypedServiceImplementation = {
    attach: (call: AttachCall) => {
      streams.set(call, { frame: 0, runs: new Map() });
      call.on('data', (message: GatewayMessage) => {
        onMessage(call, message);
        for (const waiter of waiters) waiter();
      });
      call.on('error', () => streams.delete(call));
      call.on('end', () => {
        streams.delete(call);
        call.end();
      });
      call.on('cancelled', () => streams.delete(call));
    },
  };
  const { Attach, Tokenize, Detokenize } = workerServiceDefinition;
  server.addService(
    { Attach, Tokenize, Detokenize },
    {
      Attach: handlers.attach!,
      Tokenize: ({ request }: ServerUnaryCall<TokenizeRequest, unknown>, done: sendUnaryData<TokenizeReplyInit>) => {
        const answer = (options.onTokenize ?? bytesOf)(request);
        if ('grpcStatus' in answer) done(errorToStatus(answer));
        else done(null, answer);
      },
      Detokenize: (
        { request }: ServerUnaryCall<DetokenizeRequest, unknown>,
        done: sendUnaryData<DetokenizeReplyInit>,
      ) => done(null, { text: Buffer.from(request.ids).toString() }),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });

  // As a real worker does when it has nothing to say.
  const heart = setInterval(() => worker.beat(), options.beatMs ?? 500);

  const worker: FakeWorker = {
    address: `127.0.0.1:${port}`,
    port,
    requests,
    cancelled,
    acknowledged,
    get attachCount() {
      return attachCount;
    },
    setLoad: (next) => {
      load = next;
    },
    beat: () => {
      for (const call of streams.keys()) sendFrame(call, []);
    },
    cut: () => {
      for (const call of streams.keys()) call.emit('error', { code: 14, details: 'cut by the test' });
    },
    end: () => {
      for (const call of streams.keys()) call.end();
    },
    hang: () => {
      isHung = true;
    },
    skipFrame: () => {
      for (const [call, stream] of streams) {
        stream.frame += 1;
        sendFrame(call, []);
      }
    },
    close: () => {
      clearInterval(heart);
      server.forceShutdown();
    },
    until: (condition) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!condition(worker)) return;
          waiters.delete(look);
          resolve();
        };
        waiters.add(look);
        look();
      }),
  };
  return worker;
}
