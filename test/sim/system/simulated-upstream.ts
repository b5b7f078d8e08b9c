import { type Rng, seededRng } from '@sluice/shared';
import type { SimulatedClock } from '../../../packages/bench/src/simulate/simulated-clock.js';
import { greedySampling } from '../../../packages/worker/src/engine/sequence.js';
import { SimulatedProcess } from './simulated-process.js';
import { SimulatedUpstreamClient } from './simulated-upstream-client.js';
import { type AskedQuestion, wholeAnswer } from './system-oracle.js';
import { CONTEXT_TOKENS, MODEL } from './system-scenario.js';
import { UpstreamConnection } from './upstream-connection.js';
import type { Spoiling, UpstreamFault, UpstreamSizes } from './upstream-scenario.js';

export interface SimulatedUpstreamParts {
  readonly index: number;
  readonly sizes: UpstreamSizes;
  readonly seed: number;
  readonly latencyMs: number;
  readonly clock: SimulatedClock;
}

/** After so many milliseconds a gateway gives up to connect to a machine that is not there. */
const CONNECT_MS = 2_000;

/** One address at which servers of somebody else come and go, as the network shows them. */
export class SimulatedUpstream {
  readonly address: string;
  readonly #parts: SimulatedUpstreamParts;
  readonly #rng: Rng;
  /** By gateway. */
  readonly #clients = new Map<number, SimulatedUpstreamClient[]>();
  /** Those whose answers have not ended. */
  readonly #open = new Set<UpstreamConnection>();
  #process: SimulatedProcess | undefined;
  /** Whether its machine is there while its process is not. */
  #isRefusing = true;
  #unwellPath: string | undefined;
  #status = 200;
  #spoils: { readonly how: Spoiling; left: number } | undefined;

  constructor(parts: SimulatedUpstreamParts) {
    this.#parts = parts;
    this.address = `http://upstream-${parts.index}`;
    this.#rng = seededRng(parts.seed, 10_000_000 + parts.index);
  }

  get sizes(): UpstreamSizes {
    return this.#parts.sizes;
  }

  /** Requests that it has. */
  get requests(): number {
    return [...this.#open].filter(({ question }) => question.body !== undefined).length;
  }

  start(): void {
    this.#process ??= new SimulatedProcess(this.#parts.clock);
  }

  clientOf(gateway: number, process: SimulatedProcess): SimulatedUpstreamClient {
    const { clock, latencyMs } = this.#parts;
    const client = new SimulatedUpstreamClient(process, (question, listener) => {
      const onLeft = (left: UpstreamConnection): void => {
        this.#open.delete(left);
      };
      const common = { clock, rng: this.#rng, latencyMs, gateway: process };
      const connection = new UpstreamConnection({ ...common, listener, question, onLeft });
      clock.after(latencyMs, () => this.#arrive(connection));
      return connection;
    });
    this.#clients.set(gateway, [...(this.#clients.get(gateway) ?? []), client]);
    return client;
  }

  gatewayDied(gateway: number): void {
    for (const client of this.#clients.get(gateway) ?? []) client.close();
    this.#clients.delete(gateway);
  }

  /** Makes something go wrong, and right again when its time is over. */
  strike(fault: UpstreamFault): void {
    const later = (act: () => void): void => {
      this.#parts.clock.after(fault.ms, act);
    };
    switch (fault.kind) {
      case 'kill-upstream':
        this.#kill(fault.isTold);
        later(() => this.start());
        return;
      case 'hang-upstream':
        this.#process?.pause();
        later(() => this.#process?.resume());
        return;
      case 'unwell-upstream':
        this.#unwellPath = fault.path;
        later(() => {
          this.#unwellPath = undefined;
        });
        return;
      case 'refuse-upstream':
        this.#status = fault.status;
        later(() => {
          this.#status = 200;
        });
        return;
      case 'spoil-upstream':
        this.#spoils = { how: fault.how, left: fault.answers };
        later(() => {
          this.#spoils = undefined;
        });
        return;
      default:
        throw new Error(`no such fault: ${JSON.stringify(fault satisfies never)}`);
    }
  }

  #kill(isTold: boolean): void {
    this.#process?.kill();
    this.#process = undefined;
    this.#isRefusing = isTold;
    for (const connection of this.#open) if (isTold) connection.break('ECONNRESET', true);
    this.#open.clear();
  }

  #arrive(connection: UpstreamConnection): void {
    if (connection.isOver) return;
    const process = this.#process;
    if (process === undefined) {
      if (this.#isRefusing) connection.break('ECONNREFUSED', false);
      else connection.break('UND_ERR_CONNECT_TIMEOUT', false, CONNECT_MS);
      return;
    }
    this.#open.add(connection);
    process.run(() => this.#answer(connection, process));
  }

  #answer(connection: UpstreamConnection, process: SimulatedProcess): void {
    const { runningMax } = this.#parts.sizes;
    const { path, body } = connection.question;
    if (body === undefined) this.#tell(connection, path);
    else if (this.#status !== 200) this.#refuse(connection, this.#status);
    else if (this.requests > runningMax) this.#refuse(connection, 429);
    else this.#generate(connection, body, process);
  }

  /** Of itself. */
  #tell(connection: UpstreamConnection, path: string): void {
    const { hasHealth, tellsLoad } = this.#parts.sizes;
    if (path === this.#unwellPath) this.#refuse(connection, 503);
    else if (path === '/health' && hasHealth) this.#reply(connection, 200, '');
    else if (path === '/v1/models') {
      this.#reply(connection, 200, JSON.stringify({ data: [{ id: MODEL, max_model_len: CONTEXT_TOKENS }] }));
    } else if (path === '/metrics' && tellsLoad) {
      const load = `vllm:num_requests_running ${this.requests}\nvllm:num_requests_waiting 0\n`;
      this.#reply(connection, 200, load);
    } else this.#refuse(connection, 404);
  }

  #refuse(connection: UpstreamConnection, status: number): void {
    const message = `this server says ${status}`;
    this.#reply(connection, status, JSON.stringify({ error: { message, type: 'server_error', code: status } }));
  }

  #reply(connection: UpstreamConnection, status: number, body: string): void {
    connection.head(status, { 'content-type': 'application/json' });
    if (body !== '') connection.data(body);
    this.#end(connection);
  }

  #end(connection: UpstreamConnection): void {
    this.#open.delete(connection);
    connection.end();
  }

  #generate(connection: UpstreamConnection, body: string, process: SimulatedProcess): void {
    const { firstMs, tokenMs } = this.#parts.sizes;
    const { texts, end } = answerTo(body);
    const spoiling = this.#nextSpoiling();
    const textsMax = spoiling === undefined ? texts.length : this.#rng.below(texts.length + 1);
    let sent = 0;
    const goOn = (): void => {
      if (!this.#open.has(connection)) return;
      if (sent === textsMax) {
        if (spoiling !== undefined) this.#spoil(connection, spoiling);
        else {
          connection.data(end);
          this.#end(connection);
        }
        return;
      }
      connection.data(texts[sent]!);
      sent += 1;
      process.after(tokenMs, goOn);
    };
    connection.head(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    // As some servers do, so that nobody takes the connection for dead.
    if (this.#rng.next() < 0.3) connection.data(': ping\n\n');
    process.after(firstMs, goOn);
  }

  #nextSpoiling(): Spoiling | undefined {
    if (this.#spoils === undefined || this.#spoils.left === 0) return undefined;
    this.#spoils.left -= 1;
    return this.#spoils.how;
  }

  #spoil(connection: UpstreamConnection, how: Spoiling): void {
    if (how === 'stall') return;
    if (how === 'cut') {
      this.#open.delete(connection);
      connection.break('UND_ERR_SOCKET', true);
      return;
    }
    if (how === 'done') connection.data('data: [DONE]\n\n');
    if (how === 'error') connection.data('data: {"error":{"message":"out of memory","code":500}}\n\n');
    if (how === 'garbage') connection.data('data: <html>\n\n');
    this.#end(connection);
  }
}

/** What this server reads of a request. */
interface UpstreamBody {
  readonly prompt: string | readonly number[];
  readonly max_tokens: number;
  readonly temperature: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly ignore_eos?: boolean;
}

/** The events of an answer: those with its text, one for each token, and what comes behind them. */
function answerTo(body: string): { readonly texts: readonly string[]; readonly end: string } {
  const question = questionIn(JSON.parse(body) as UpstreamBody);
  const { text, tokenIds, finishReason } = wholeAnswer(question);
  const cut = (index: number): number => Math.round((index * text.length) / tokenIds.length);
  const pieces = tokenIds.map((_, index) => text.slice(cut(index), cut(index + 1)));
  const usage = { prompt_tokens: question.promptIds.length, completion_tokens: tokenIds.length };
  return {
    texts: pieces.filter((piece) => piece !== '').map((piece) => event(choice(piece, null))),
    end: `${event(choice('', finishReason))}${event({ choices: [], usage })}data: [DONE]\n\n`,
  };
}

function questionIn({ prompt, max_tokens, temperature, seed, stop, ignore_eos }: UpstreamBody): AskedQuestion {
  const promptIds = typeof prompt === 'string' ? [...prompt].map((letter) => letter.charCodeAt(0) - 97) : prompt;
  return {
    promptIds,
    tokensMax: max_tokens,
    sampling: { ...greedySampling, temperature, seed: seed ?? 0 },
    stopStrings: stop ?? [],
    ignoreEnd: ignore_eos === true,
  };
}

function choice(text: string, finishReason: string | null) {
  return { object: 'text_completion', choices: [{ index: 0, text, logprobs: null, finish_reason: finishReason }] };
}

function event(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
