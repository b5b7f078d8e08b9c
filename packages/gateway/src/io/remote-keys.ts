import { type Clock, type Logger, ServingError } from '@sluice/shared';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

/** After so long keys are fetched anew, while the ones that are there go on; milliseconds. */
const FRESH_MS = 10 * 60_000;
/** Between two attempts, whatever tokens name. */
const COOLDOWN_MS = 10_000;
/** Keys that could not be fetched anew for so long are not used any more: the issuer may have withdrawn them. */
const USE_MS = 24 * 3_600_000;
const FETCH_MS = 5_000;
const BYTES_MAX = 2 ** 20;

/**
 * The public keys of an issuer, from its server. A token that names a key not seen before has them fetched again, at most
 * every 10 s; while the server is away the keys that are known go on for a day.
 */
export class RemoteKeys {
  readonly #url: URL;
  readonly #clock: Clock;
  readonly #log: Logger;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #attempt: Promise<void> | undefined;

  constructor(url: URL, clock: Clock, log: Logger) {
    this.#url = url;
    this.#clock = clock;
    this.#log = log;
    // So that a wrong address is in the log before the first caller comes.
    void this.#refresh();
  }

  /**
   * The key that a token names.
   * @throws (rejects) JOSEError where there is none; ServingError `keys_unavailable` where no keys are known.
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const ageMs = this.#clock.nowMs() - this.#fetchedMs;
    if (ageMs >= USE_MS) await this.#refresh();
    else if (ageMs >= FRESH_MS) void this.#refresh();
    try {
      return await this.#known()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.#refresh();
    return await this.#known()(header, token);
  };

  #known(): ReturnType<typeof createLocalJWKSet> {
    const isUsable = this.#clock.nowMs() - this.#fetchedMs < USE_MS;
    if (this.#keys !== undefined && isUsable) return this.#keys;
    const problem = 'the keys that tokens are checked with cannot be fetched at the moment; try again shortly';
    throw new ServingError('keys_unavailable', problem, { retryAfterMs: COOLDOWN_MS });
  }

  /** Joins the attempt that is under way; does nothing so soon after one. Never rejects. */
  #refresh(): Promise<void> {
    if (this.#attempt !== undefined) return this.#attempt;
    if (this.#clock.nowMs() - this.#triedMs < COOLDOWN_MS) return Promise.resolve();
    this.#triedMs = this.#clock.nowMs();
    this.#attempt = this.#fetch().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  async #fetch(): Promise<void> {
    try {
      // A redirect may lead anywhere; keys come from the address that the operator gave.
      const options = { signal: AbortSignal.timeout(FETCH_MS), redirect: 'error' } as const;
      const response = await fetch(this.#url, { ...options, headers: { accept: 'application/json' } });
      if (response.status !== 200) throw new Error(`it answered with status ${response.status}`);
      this.#keys = createLocalJWKSet(JSON.parse(await boundedText(response)) as JSONWebKeySet);
      this.#fetchedMs = this.#clock.nowMs();
    } catch (err) {
      this.#log.warn({ err, url: this.#url.href }, 'keys of tokens not fetched; those that are known go on');
    }
  }
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.byteLength;
    if (bytes > BYTES_MAX) throw new Error(`its answer has more than ${BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
