import type { Clock, Logger } from '@sluice/shared';
import type { StoreStatus } from '../fleet-store.js';
import type { RedisTarget } from '../redis-url.js';
import { openRedisClient, type RedisClient } from './redis-client.js';

export interface RedisLinkOptions {
  /** Milliseconds that a command may take. */
  readonly commandMs: number;
  /** Commands that may be under way; one more is dropped. */
  readonly commandsMax: number;
  /** Written to find out whether Redis works; expires at once. */
  readonly probeKey: string;
}

/** Timeouts in a row that count as an outage: one alone may be a pause of this very process. */
const timeoutsToOutage = 2;
const probeFirstMs = 100;
const probeMaxMs = 1_000;

/**
 * The connection, and what is known of it. While Redis is out of reach commands are dropped without being tried and
 * without waiting; a probe finds out when it is back.
 *
 * States and moves:
 *   unreachable -> reachable    a write went through
 *   reachable   -> unreachable  the connection closed, Redis refuses to work, or it did not answer twice in a row
 */
export class RedisLink {
  readonly #client: RedisClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #options: RedisLinkOptions;
  readonly #shown: string;
  readonly #told = new Set<string>();
  #isReachable = false;
  #isKnown = false;
  #isClosed = false;
  #changedMs: number;
  #errors = 0;
  #timeouts = 0;
  #underWay = 0;
  #reason = '';
  #probeMs = probeFirstMs;
  #isProbing = false;
  #stopProbe: (() => void) | undefined;

  constructor(target: RedisTarget, options: RedisLinkOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#shown = target.shown;
    this.#changedMs = clock.nowMs();
    this.#client = openRedisClient(target, options.commandMs);
    // Without a listener a failed connection would end the process.
    this.#client.on('error', (error: Error) => {
      this.#reason = reasonOf(error);
    });
    this.#client.on('close', () => this.#lose(this.#reason || 'the connection closed'));
    this.#client.on('ready', () => this.#probe());
    this.#scheduleProbe();
  }

  get status(): StoreStatus {
    return {
      isReachable: this.#isReachable,
      sinceMs: this.#clock.nowMs() - this.#changedMs,
      errors: this.#errors,
    };
  }

  /** Runs a command. @returns undefined when it was dropped, failed, or took too long; never rejects. */
  async run<Reply>(command: (client: RedisClient) => Promise<Reply>): Promise<Reply | undefined> {
    if (!this.#isReachable || this.#underWay >= this.#options.commandsMax) {
      this.#errors += 1;
      return undefined;
    }
    this.#underWay += 1;
    try {
      const reply = await command(this.#client);
      this.#timeouts = 0;
      return reply;
    } catch (error) {
      this.#onFailure(error);
      return undefined;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Counts values that could not be read; each kind of complaint is logged once. */
  countUnreadable(count: number, what: string): void {
    if (count === 0) return;
    this.#errors += count;
    this.#tellOnce(what, { redis: this.#shown, count });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isReachable = false;
    this.#stopProbe?.();
    this.#client.disconnect();
  }

  #onFailure(error: unknown): void {
    this.#errors += 1;
    const reason = reasonOf(error);
    if (isTimeout(reason)) {
      this.#timeouts += 1;
      if (this.#timeouts >= timeoutsToOutage) this.#lose('it does not answer');
    } else if (isComplaint(error)) {
      // It answers; what is wrong is in one key or one command.
      this.#tellOnce(`redis refused a command: ${reason.slice(0, 200)}`, { redis: this.#shown });
    } else {
      this.#lose(reason);
    }
  }

  #lose(reason: string): void {
    if (this.#isClosed) return;
    if (this.#isReachable || !this.#isKnown) {
      this.#change(false);
      this.#log.warn(
        { redis: this.#shown, reason },
        'redis is out of reach; going on with what is known, and trying again',
      );
    }
    this.#scheduleProbe();
  }

  #scheduleProbe(): void {
    if (this.#stopProbe !== undefined || this.#isClosed) return;
    this.#stopProbe = this.#clock.after(this.#probeMs, () => {
      this.#stopProbe = undefined;
      this.#probeMs = Math.min(probeMaxMs, this.#probeMs * 2);
      this.#probe();
    });
  }

  #probe(): void {
    if (this.#isClosed || this.#isReachable || this.#isProbing) return;
    this.#isProbing = true;
    // A write, because one that only reads is no use: READONLY, OOM, MISCONF and the like show here.
    this.#client.set(this.#options.probeKey, '1', 'PX', 1_000).then(
      () => {
        this.#isProbing = false;
        if (this.#isClosed) return;
        this.#timeouts = 0;
        this.#probeMs = probeFirstMs;
        this.#stopProbe?.();
        this.#stopProbe = undefined;
        this.#change(true);
        this.#log.info({ redis: this.#shown }, 'redis is reachable');
      },
      (error: unknown) => {
        this.#isProbing = false;
        const reason = reasonOf(error);
        // "Not connected yet" says less than what the connection failed of.
        this.#lose(isNotConnected(reason) ? this.#reason || 'it cannot be connected to' : reason);
      },
    );
  }

  #change(isReachable: boolean): void {
    this.#isKnown = true;
    this.#isReachable = isReachable;
    this.#changedMs = this.#clock.nowMs();
  }

  #tellOnce(message: string, fields: object): void {
    if (this.#told.size >= 100 || this.#told.has(message)) return;
    this.#told.add(message);
    this.#log.warn(fields, message);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const last = 'lastNodeError' in error && error.lastNodeError instanceof Error ? error.lastNodeError.message : '';
  return last || error.message || ('code' in error ? String(error.code) : error.name);
}

function isTimeout(reason: string): boolean {
  return /^(Command|Socket) timed out/i.test(reason);
}

function isNotConnected(reason: string): boolean {
  return /enableOfflineQueue|Connection is closed/.test(reason);
}

/** An answer about a command, unlike those that say that nothing works (LOADING, READONLY, NOAUTH, OOM …). */
function isComplaint(error: unknown): boolean {
  return (
    error instanceof Error && error.name === 'ReplyError' && /^(ERR|WRONGTYPE|NOSCRIPT|CROSSSLOT)\b/.test(error.message)
  );
}
