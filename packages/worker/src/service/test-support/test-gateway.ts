import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type {
  Delta,
  GatewayMessageInit,
  GenerateEvent,
  GenerateRequestInit,
  StepFrame,
  Welcome,
  WorkerClient,
  WorkerMessage,
} from '@sluice/proto';
import { assert } from '@sluice/shared';

/** A request with every field that must be set: greedy, 16 tokens. */
export function request(prompt: string, overrides: GenerateRequestInit = {}): GenerateRequestInit {
  return {
    requestId: 'test',
    prompt: 'text',
    text: prompt,
    sampling: { temperature: 0, topP: 1, repetitionPenalty: 1 },
    tokensMax: 16,
    ...overrides,
  };
}

/** The gateway's end of one Attach stream, read message by message; each frame read is acknowledged unless told. */
export class TestGateway {
  readonly #call: ClientDuplexStream<GatewayMessageInit, WorkerMessage>;
  /** Read and not asked for yet, then how the stream ended. */
  readonly #inbox: WorkerMessage[] = [];
  #ending: { readonly error: ServiceError | undefined } | undefined;
  #wake: () => void = () => {};

  readonly #acknowledges: boolean;

  constructor(client: WorkerClient, { acknowledges = true } = {}) {
    this.#acknowledges = acknowledges;
    this.#call = client.attach();
    this.#call.on('data', (message: WorkerMessage) => {
      this.#inbox.push(message);
      this.#wake();
    });
    this.#call.on('error', (error: ServiceError) => this.#end(error));
    this.#call.on('end', () => this.#end(undefined));
  }

  send(message: GatewayMessageInit): void {
    this.#call.write(message);
  }

  submit(id: number, message: GenerateRequestInit): void {
    this.send({ submit: { id, request: message } });
  }

  async attach(): Promise<Welcome> {
    this.send({ attach: { gatewayId: 'test' } });
    const message = await this.#next();
    assert(message?.welcome, 'the first message is a welcome');
    return message.welcome;
  }

  /** The next frame. */
  async frame(): Promise<StepFrame> {
    const message = await this.#next();
    assert(message?.frame, 'a stream goes on with frames');
    if (this.#acknowledges) this.send({ acknowledge: { frame: message.frame.frame } });
    return message.frame;
  }

  /** The deltas of the next frame that has any. */
  async deltas(): Promise<readonly Delta[]> {
    for (;;) {
      const { deltas } = await this.frame();
      if (deltas.length > 0) return deltas;
    }
  }

  /** Everything a request gains until it ends. */
  async outcome(id: number): Promise<GenerateEvent> {
    const events: GenerateEvent[] = [];
    for (;;) {
      for (const delta of await this.deltas()) if (delta.id === id && delta.event) events.push(delta.event);
      if (events.at(-1)?.end !== undefined) return joined(events);
    }
  }

  /** The error with which the worker ends the stream; undefined for an orderly end. */
  async ending(): Promise<ServiceError | undefined> {
    while ((await this.#next()) !== undefined);
    return this.#ending?.error;
  }

  /** Cuts the stream, as a gateway that dies. */
  cut(): void {
    this.#call.cancel();
  }

  async #next(): Promise<WorkerMessage | undefined> {
    while (this.#inbox.length === 0 && this.#ending === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#inbox.shift();
  }

  #end(error: ServiceError | undefined): void {
    // An error comes with the end of the data, before or after it.
    if (this.#ending?.error === undefined) this.#ending = { error };
    this.#wake();
  }
}

/** The events of one request as one. */
export function joined(events: readonly GenerateEvent[]): GenerateEvent {
  const last = events.at(-1);
  return {
    ...last,
    accepted: events[0]?.accepted ?? null,
    tokenIds: events.flatMap((event) => event.tokenIds),
    text: events.map((event) => event.text).join(''),
    logprobs: events.flatMap((event) => event.logprobs),
    promptReport: joinedReports(events),
  };
}

function joinedReports(events: readonly GenerateEvent[]): GenerateEvent['promptReport'] {
  const reports = events.flatMap(({ promptReport }) => promptReport ?? []);
  if (reports.length === 0) return null;
  return {
    logprobs: reports.flatMap(({ logprobs }) => logprobs),
    embedding: reports.flatMap(({ embedding }) => embedding),
  };
}
