import { type Clock, ServingError } from '@sluice/shared';
import type { ApiKeys } from './api-keys.js';
import { anybody, type Caller } from './caller.js';
import { isToken, type TokenRules, verifyToken } from './json-web-tokens.js';

/** As Node reads them: names in lower case. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface GatekeeperParts {
  /** Read anew when its file changes; undefined: API keys are not used. */
  readonly apiKeys: (() => ApiKeys) | undefined;
  readonly tokens: TokenRules | undefined;
  /** Of who runs this gateway; by itself it keeps nobody out. */
  readonly ownKey?: ApiKeys | undefined;
  readonly clock: Clock;
}

/** Longer credentials are not looked at; bytes. */
const CREDENTIALS_MAX = 8_192;

/** Tells who sends a request. With neither keys nor tokens set up, anybody may. */
export class Gatekeeper {
  readonly #parts: GatekeeperParts;

  constructor(parts: GatekeeperParts) {
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#parts.apiKeys === undefined && this.#parts.tokens === undefined;
  }

  /**
   * Who `authorization: Bearer …` or `x-api-key: …` names.
   * @throws (rejects) ServingError `unauthorized`.
   */
  async identify(headers: Headers): Promise<Caller> {
    if (this.isOpen) return anybody;
    const { apiKeys, tokens, ownKey, clock } = this.#parts;
    const credentials = credentialsOf(headers);
    const wallMs = clock.wallMs();
    const caller = apiKeys?.().find(credentials, wallMs) ?? ownKey?.find(credentials, wallMs);
    if (caller !== undefined) return caller;
    if (tokens !== undefined && isToken(credentials)) return verifyToken(credentials, tokens, wallMs);
    throw new ServingError('unauthorized', 'the API key is not known, or not any more');
  }
}

function credentialsOf({ authorization, 'x-api-key': apiKey }: Headers): string {
  const given = authorization === undefined ? apiKey : /^Bearer +(\S+) *$/i.exec(String(authorization))?.[1];
  if (given === undefined) {
    const problem = authorization === undefined ? 'is missing' : 'must be "Bearer" and an API key or token';
    throw new ServingError('unauthorized', `the header authorization ${problem}`, { field: 'authorization' });
  }
  const text = String(given);
  if (text.length <= CREDENTIALS_MAX) return text;
  const problem = `the credentials have ${text.length} characters, at most ${CREDENTIALS_MAX} may be`;
  throw new ServingError('unauthorized', problem, { field: 'authorization' });
}
