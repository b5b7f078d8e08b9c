import type { ModelInfo } from '@sluice/proto';
import type { Clock } from '@sluice/shared';
import type { UpstreamAnswer, UpstreamClient } from './upstream-client.js';
import { readLoad, type UpstreamLoad } from './upstream-load.js';
import { readModels } from './upstream-models.js';

export interface HealthProblem {
  /** It said so, or refused; else it has only not answered. */
  readonly isCertain: boolean;
  readonly cause: Error;
}

export interface CheckupListener {
  /** For one answer, milliseconds. */
  readonly timeoutMs: number;
  onHealth(problem: HealthProblem | undefined): void;
  onModels(models: readonly ModelInfo[]): void;
  onLoadAsked(): void;
  /** Undefined where it does not say. */
  onLoad(load: UpstreamLoad | undefined): void;
}

const healthBytesMax = 1_048_576;
const modelsBytesMax = 1_048_576;
const metricsBytesMax = 4_194_304;
/** Milliseconds from one look to the next. */
const loadEveryMs = 1_000;
const modelsEveryMs = 10_000;
/** The same, of one whose metrics do not tell its load. */
const noLoadEveryMs = 60_000;

/** What an upstream is asked about itself. Each question is asked again when the one before is answered, or given up. */
export class Checkup {
  readonly #client: UpstreamClient;
  readonly #clock: Clock;
  /** Of the questions that wait for their answer. */
  readonly #asked = new Set<string>();
  /** Servers without it are healthy when they say what they serve. */
  #healthPath = '/health';
  #loadDueMs = 0;
  #modelsDueMs = 0;

  constructor(client: UpstreamClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** What an upstream that may just have started serves, or why it does not. */
  async greet(timeoutMs: number): Promise<readonly ModelInfo[] | Error> {
    this.#healthPath = '/health';
    const problem = await this.#health(timeoutMs);
    if (problem !== undefined) return problem.cause;
    const nowMs = this.#clock.nowMs();
    this.#loadDueMs = nowMs;
    this.#modelsDueMs = nowMs + modelsEveryMs;
    const models = await this.#models(timeoutMs);
    return models.length > 0 ? models : new Error('GET /v1/models names no model');
  }

  /** Asks what is due. */
  look(listener: CheckupListener): void {
    const nowMs = this.#clock.nowMs();
    const { timeoutMs } = listener;
    this.#ask('health', async () => listener.onHealth(await this.#health(timeoutMs)));
    if (nowMs >= this.#modelsDueMs) {
      this.#ask('models', async () => {
        this.#modelsDueMs = nowMs + modelsEveryMs;
        const models = await this.#models(timeoutMs);
        if (models.length > 0) listener.onModels(models);
      });
    }
    if (nowMs >= this.#loadDueMs) {
      this.#ask('load', async () => {
        listener.onLoadAsked();
        const load = await this.#load(timeoutMs);
        this.#loadDueMs = nowMs + (load === 'untold' ? noLoadEveryMs : loadEveryMs);
        listener.onLoad(typeof load === 'object' ? load : undefined);
      });
    }
  }

  #ask(name: string, question: () => Promise<void>): void {
    if (this.#asked.has(name)) return;
    this.#asked.add(name);
    void question().finally(() => this.#asked.delete(name));
  }

  async #health(timeoutMs: number): Promise<HealthProblem | undefined> {
    try {
      const { status } = await this.#get(this.#healthPath, healthBytesMax, timeoutMs);
      if (status >= 200 && status < 300) return undefined;
      if ((status === 404 || status === 405) && this.#healthPath !== modelsPath) {
        this.#healthPath = modelsPath;
        return await this.#health(timeoutMs);
      }
      return { isCertain: true, cause: new Error(`GET ${this.#healthPath} says ${status}`) };
    } catch (thrown) {
      const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
      return { isCertain: isRefusal(cause), cause };
    }
  }

  async #models(timeoutMs: number): Promise<readonly ModelInfo[]> {
    try {
      const { status, body } = await this.#get(modelsPath, modelsBytesMax, timeoutMs);
      return status === 200 ? readModels(body) : [];
    } catch {
      return [];
    }
  }

  async #load(timeoutMs: number): Promise<UpstreamLoad | 'untold' | 'failed'> {
    try {
      const { status, body } = await this.#get('/metrics', metricsBytesMax, timeoutMs);
      return (status === 200 ? readLoad(body) : undefined) ?? 'untold';
    } catch {
      return 'failed';
    }
  }

  #get(path: string, bytesMax: number, timeoutMs: number): Promise<UpstreamAnswer> {
    return this.#client.get(path, { bytesMax, timeoutMs });
  }
}

const modelsPath = '/v1/models';

/** Nobody listens; not a connection that broke, which may be one that was kept too long. */
function isRefusal(error: Error): boolean {
  return 'code' in error && error.code === 'ECONNREFUSED';
}
