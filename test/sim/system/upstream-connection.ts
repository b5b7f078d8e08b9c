import type { Rng } from '@sluice/shared';
import type { SimulatedClock } from '../../../packages/bench/src/simulate/simulated-clock.js';
import type {
  UpstreamExchange,
  UpstreamHeaders,
  UpstreamListener,
} from '../../../packages/gateway/src/upstreams/upstream-client.js';
import type { SimulatedProcess } from './simulated-process.js';

/** What is asked over a connection. */
export interface UpstreamQuestion {
  readonly path: string;
  /** Undefined: it is a GET. */
  readonly body: string | undefined;
}

export interface UpstreamConnectionParts {
  readonly clock: SimulatedClock;
  readonly rng: Rng;
  readonly latencyMs: number;
  readonly gateway: SimulatedProcess;
  readonly listener: UpstreamListener;
  readonly question: UpstreamQuestion;
  /** The server hears that the gateway has hung up. */
  readonly onLeft: (connection: UpstreamConnection) => void;
}

/** One question and its answer over HTTP. What the server says arrives in order, late, and in pieces of any size. */
export class UpstreamConnection implements UpstreamExchange {
  readonly question: UpstreamQuestion;
  readonly #parts: UpstreamConnectionParts;
  /** On its way to the gateway, in order. */
  readonly #words: { readonly isLast: boolean; readonly say: (listener: UpstreamListener) => void }[] = [];
  #lastMs = 0;
  #isOver = false;

  constructor(parts: UpstreamConnectionParts) {
    this.question = parts.question;
    this.#parts = parts;
  }

  /** For the gateway: it has heard the end, or has hung up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { clock, latencyMs, onLeft } = this.#parts;
    clock.after(latencyMs, () => onLeft(this));
  }

  head(status: number, headers: UpstreamHeaders): void {
    this.#send((listener) => listener.onHead(status, headers));
  }

  data(text: string): void {
    const bytes = Buffer.from(text);
    const { rng } = this.#parts;
    const cut = rng.next() < 0.3 ? rng.below(bytes.length) : 0;
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      if (piece.length > 0) this.#send((listener) => listener.onData(piece));
    }
  }

  end(): void {
    this.#send((listener) => listener.onEnd(), true);
  }

  /** @param afterMs that it takes the gateway to find out. */
  break(code: string, wasSent: boolean, afterMs = 0): void {
    this.#send((listener) => listener.onError(Object.assign(new Error(code), { code }), wasSent), true, afterMs);
  }

  #send(say: (listener: UpstreamListener) => void, isLast = false, afterMs = 0): void {
    const { clock, rng, latencyMs, gateway, listener } = this.#parts;
    const nowMs = clock.nowMs();
    this.#lastMs = Math.max(this.#lastMs, nowMs + afterMs + latencyMs * (0.5 + rng.next()));
    this.#words.push({ isLast, say });
    clock.after(Math.max(0, this.#lastMs - nowMs), () =>
      gateway.run(() => {
        const word = this.#words.shift();
        if (this.#isOver || word === undefined) return;
        this.#isOver = word.isLast;
        word.say(listener);
      }),
    );
  }
}
