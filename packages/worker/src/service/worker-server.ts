import { Server, type sendUnaryData } from '@grpc/grpc-js';
import {
  channelOptions,
  HealthImplementation,
  type ModelInfoInit,
  type TlsOptions,
  type WorkerHandlers,
  workerHealthName,
  workerServiceDefinition,
} from '@sluice/proto';
import { asServingError, type Clock, type Logger, ServingError } from '@sluice/shared';
import type { EnginePort, StepListener } from '../engine/engine-port.js';
import { serveGenerate } from './generate-call.js';
import { listen } from './io/listen.js';
import { defaultLimits, type ServiceLimits } from './limits.js';
import { loadMessage, statusOf } from './messages.js';
import type { TextPort } from './text-port.js';
import { detokenize, tokenize } from './tokenize.js';
import { WorkerService } from './worker-service.js';

export interface WorkerServerOptions {
  readonly engine: EnginePort;
  readonly text: TextPort;
  readonly info: ModelInfoInit;
  /** New at each start of the process. */
  readonly epoch: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly limits?: Partial<ServiceLimits>;
  /** Gateways have to show a certificate; absent: no encryption. */
  readonly tls?: TlsOptions;
}

/** The worker's side of the contract in worker.proto, over one engine. */
export interface WorkerServer {
  /** The engine calls this once a step. */
  readonly onStep: StepListener;
  /**
   * Starts to take connections.
   * @param port 0: any free one.
   * @returns the port.
   * @throws ServingError `invalid_request` that names address and port when they cannot be had.
   */
  listen(host: string, port: number): Promise<number>;
  /**
   * Takes no new requests from now on, and says so in load and health; resolves when the running ones have ended.
   * Calling it again waits for the same end.
   * @param handOverMs ends those that still run after so many milliseconds with `draining`, by which gateways go on with
   * them at other workers without loss; absent: they get the time they need.
   */
  drain(handOverMs?: number): Promise<void>;
  /** Ends every stream, cancels what is live and frees the port; readers get `graceMs` to fetch what was sent. */
  close(graceMs: number): Promise<void>;
}

/**
 * The life of a request in here: `attach-stream` or `generate-call` reads it → `live-requests` has it checked
 * (`generate-request`), tokenized (`prompt`) and queued in the engine → each step comes back through `onStep` to
 * `live-request`, which makes text of tokens → the outlet's `delta-buffer` → one frame a step and reader.
 */
export function createWorkerServer(options: WorkerServerOptions): WorkerServer {
  const { engine, text, info, epoch, log, clock } = options;
  const limits: ServiceLimits = { ...defaultLimits, ...options.limits };
  const service = new WorkerService({ engine, text, info, epoch, log, clock, limits });
  const health = new HealthImplementation({ '': 'SERVING', [workerHealthName]: 'SERVING' });

  const drain = (handOverMs?: number): Promise<void> => {
    health.setStatus('', 'NOT_SERVING');
    health.setStatus(workerHealthName, 'NOT_SERVING');
    return service.drain(handOverMs);
  };

  const handlers: WorkerHandlers = {
    Attach: (call) => service.attach(call),
    Generate: (call) => serveGenerate(call, service.requests, limits),
    Tokenize: (call, reply) => answer(reply, log, () => tokenize(call.request, text)),
    Detokenize: (call, reply) => answer(reply, log, () => detokenize(call.request, text)),
    GetModelInfo: (_call, reply) => reply(null, info),
    GetLoad: (_call, reply) => reply(null, loadMessage(engine.load())),
    Drain: (_call, reply) => answer(reply, log, () => drain().then(() => ({}))),
  };

  const server = new Server({
    ...channelOptions,
    'grpc.max_concurrent_streams': limits.callsMax,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
  server.addService(workerServiceDefinition, handlers);
  health.addToServer(server);

  return {
    onStep: service.onStep,
    listen: (host, port) => listen(server, host, port, options.tls),
    drain,
    close: (graceMs) => {
      service.endStreams(new ServingError('draining', 'the worker is going away'));
      return shutDown(server, clock, graceMs);
    },
  };
}

/** Answers a unary call with what `work` gives, or with the status of what it throws. */
function answer<Reply>(reply: sendUnaryData<Reply>, log: Logger, work: () => Reply | Promise<Reply>): void {
  Promise.resolve()
    .then(work)
    .then(
      (value) => reply(null, value),
      (thrown: unknown) => {
        const error = asServingError(thrown);
        if (error.row.fault === 'server') log.error({ err: thrown }, 'call failed');
        reply(statusOf(error));
      },
    );
}

function shutDown(server: Server, clock: Clock, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const stopTimer = clock.after(graceMs, () => server.forceShutdown());
    server.tryShutdown(() => {
      stopTimer();
      resolve();
    });
  });
}
