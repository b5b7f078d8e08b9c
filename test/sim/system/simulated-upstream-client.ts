import type {
  UpstreamAnswer,
  UpstreamClient,
  UpstreamExchange,
  UpstreamListener,
} from '../../../packages/gateway/src/upstreams/upstream-client.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { UpstreamConnection, UpstreamQuestion } from './upstream-connection.js';

/** The way from one process of a gateway to one upstream. */
export class SimulatedUpstreamClient implements UpstreamClient {
  readonly #gateway: SimulatedProcess;
  readonly #open: (question: UpstreamQuestion, listener: UpstreamListener) => UpstreamConnection;
  /** With the ids of their requests; those of questions about the upstream itself are empty. */
  readonly #connections = new Map<UpstreamConnection, string>();
  readonly #timers = new Set<() => void>();

  constructor(
    gateway: SimulatedProcess,
    open: (question: UpstreamQuestion, listener: UpstreamListener) => UpstreamConnection,
  ) {
    this.#gateway = gateway;
    this.#open = open;
  }

  /** Whether it still hears of a request. */
  isOpen(requestId: string): boolean {
    return [...this.#connections].some(([{ isOver }, id]) => id === requestId && !isOver);
  }

  post(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    listener: UpstreamListener,
  ): UpstreamExchange {
    return this.#ask({ path, body }, headers['x-request-id'] ?? '', listener);
  }

  get(path: string, { timeoutMs }: { readonly timeoutMs: number }): Promise<UpstreamAnswer> {
    return new Promise((resolve, reject) => {
      let status = 0;
      let body = '';
      const connection = this.#ask({ path, body: undefined }, '', {
        onHead: (given) => {
          status = given;
        },
        onData: (bytes) => {
          body += Buffer.from(bytes).toString();
        },
        onEnd: () => {
          stop();
          resolve({ status, body });
        },
        onError: (cause) => {
          stop();
          reject(cause);
        },
      });
      const stopTimer = this.#gateway.after(timeoutMs, () => {
        stop();
        connection.abort();
        reject(new Error('timed out'));
      });
      const stop = (): void => {
        this.#timers.delete(stop);
        stopTimer();
      };
      this.#timers.add(stop);
    });
  }

  close(): void {
    for (const stop of [...this.#timers]) stop();
    for (const connection of this.#connections.keys()) connection.abort();
    this.#connections.clear();
  }

  #ask(question: UpstreamQuestion, requestId: string, listener: UpstreamListener): UpstreamConnection {
    for (const connection of this.#connections.keys()) {
      if (connection.isOver) this.#connections.delete(connection);
    }
    const connection = this.#open(question, listener);
    this.#connections.set(connection, requestId);
    return connection;
  }
}
