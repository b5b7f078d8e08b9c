import type { ServiceTermsInit } from '@sluice/proto';
import { type Clock, type Rng, ServingError } from '@sluice/shared';
import type { Admission } from './admission/admission.js';
import type { Endpoint } from './api/endpoint.js';
import { checkAgainstModel, toGenerateRequest } from './api/generation-call.js';
import type { HttpReply } from './http/http-reply.js';
import type { GatewayMetrics } from './metrics/metrics.js';
import { Relay } from './relay/relay.js';
import { eventWriter, wholeWriter } from './relay/reply-writer.js';
import { WaitingRoom } from './relay/waiting-room.js';
import { chooseWorker, resolveModel } from './routing/router.js';
import type { Routing } from './routing/routing.js';
import type { WorkerSet } from './workers/worker-set.js';

export interface GatewayParts {
  readonly workers: WorkerSet;
  readonly routing: Routing;
  readonly admission: Admission;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly rng: Rng;
  /** How long a request that has lost its worker waits for another one to take it, milliseconds. */
  readonly resumeWaitMs: number;
}

/** Milliseconds that clients get to read the error which ends them at the deadline of a drain. */
const flushMs = 1_000;

/** The whole story of a request for text, from a body that has been read to the relay that carries its tokens. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #relays = new Set<Relay>();
  readonly #room: WaitingRoom;
  #isDraining = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#room = new WaitingRoom(parts.clock, parts.resumeWaitMs);
  }

  get workers(): WorkerSet {
    return this.#parts.workers;
  }

  /** Why no request can be served now; undefined when one can. */
  get notReadyReason(): ServingError | undefined {
    if (this.#isDraining) return drainingError();
    return this.workers.workers.some((worker) => worker.isReady) ? undefined : noWorkerError();
  }

  /**
   * Starts the reply to one request; the rest happens as tokens come.
   * @param terms how urgent it is, and for whom.
   * @param session that it belongs to; undefined: the one that the body names, if any.
   * @throws ServingError when the request cannot be served; then nothing has been started.
   */
  serve(endpoint: Endpoint, body: unknown, terms: ServiceTermsInit, reply: HttpReply, session?: string): void {
    const { workers, routing, admission, metrics, clock, rng } = this.#parts;
    if (this.#isDraining) throw drainingError();

    // api: what is asked for, checked in full before anything is done for it.
    const call = endpoint.parse(body);
    const model = resolveModel(workers, call.model);
    checkAgainstModel(call, model);

    // routing: who does it. Nothing waits between the choice and the submit, so no other choice sees the same view.
    const routed = routing.describe(workers, model.name, call.prompt, session ?? call.user);
    const worker = chooseWorker(workers, routing.policy, routed);
    if (worker === undefined) throw noWorkerError();

    // admission: a place, held until the connection has closed or taken the whole reply.
    const release = admission.admit();
    if (release instanceof ServingError) throw release;

    // relay: the way back to the client.
    const format = endpoint.reply({
      id: endpoint.idPrefix + randomId(rng),
      createdSeconds: Math.floor(clock.wallMs() / 1000),
      model: model.name,
      systemFingerprint: `sluice-${model.weights}`,
      logprobs: call.logprobsTop !== undefined,
      includeUsage: call.includeUsage,
    });
    const writer = call.stream ? eventWriter(format, reply) : wholeWriter(format, reply);
    const relay = new Relay(call, writer, reply, metrics, this.#room);
    this.#relays.add(relay);

    // workers: off it goes, now and whenever a worker does not finish it.
    const request = toGenerateRequest(call, reply.record.requestId, rng.below(2 ** 32));
    relay.start(
      worker,
      { ...request, terms },
      {
        choose: (except) => chooseWorker(workers, routing.policy, routed, { except }),
        send: (chosen, rest, next) => {
          const { listener, uncachedTokens } = routing.send(chosen, routed, next, clock.nowMs());
          return chosen.submit(rest, uncachedTokens, listener);
        },
      },
    );

    reply.onClose(() => {
      relay.onClientGone();
      this.#relays.delete(relay);
      release();
    });
  }

  /**
   * Refuses new requests from now on and waits for those in flight; what has not ended after `deadlineMs` is ended
   * with an error that its client sees.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { admission, clock } = this.#parts;
    this.#isDraining = true;
    const stopAbort = clock.after(deadlineMs, () => {
      for (const relay of this.#relays) relay.abort(drainingError());
    });
    // A client that does not even read its error is not waited for.
    const isLate = new Promise<void>((resolve) => {
      const stopWait = clock.after(deadlineMs + flushMs, resolve);
      void admission.empty().then(() => {
        stopWait();
        resolve();
      });
    });
    await isLate;
    stopAbort();
  }
}

/** 28 characters that hold 128 random bits. */
export function randomId(rng: Rng): string {
  const part = (): string =>
    rng
      .below(2 ** 32)
      .toString(36)
      .padStart(7, '0');
  return part() + part() + part() + part();
}

function drainingError(): ServingError {
  return new ServingError('draining', 'the gateway is shutting down; the request can be sent to another one');
}

function noWorkerError(): ServingError {
  return new ServingError('no_worker', 'no worker takes requests at the moment; try again shortly');
}
