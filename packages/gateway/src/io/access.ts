import type { Clock, Logger } from '@sluice/shared';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { parseKeyFile, soleKey } from '../auth/api-keys.js';
import { Gatekeeper } from '../auth/gatekeeper.js';
import type { TokenRules } from '../auth/json-web-tokens.js';
import { RemoteKeys } from './remote-keys.js';
import { watchFile } from './watched-file.js';

/** Who may in. With neither file nor key set anybody may. */
export interface AccessOptions {
  /** File of API keys, as `sluice key` writes it; read anew when it changes. */
  readonly keysFile?: string;
  /** Public keys of whoever issues tokens (a JSON Web Key Set): an `https:` or `http:` address, or a file. */
  readonly jwtKeys?: string;
  /** What tokens have to name. */
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
  /** One more API key, which whoever started this gateway asks its own questions with. */
  readonly ownKey?: string;
}

/** @throws Error naming the file or address that is wrong. */
export function openGatekeeper(
  options: AccessOptions,
  clock: Clock,
  log: Logger,
): { readonly gatekeeper: Gatekeeper; stop(): void } {
  const { keysFile, jwtKeys, jwtIssuer, jwtAudience, ownKey } = options;
  const apiKeys = keysFile === undefined ? undefined : watchFile(keysFile, parseKeyFile, clock, log);
  const keySet = jwtKeys === undefined ? undefined : openKeySet(jwtKeys, clock, log);
  const tokens = keySet && { keys: keySet.keys, issuer: jwtIssuer, audience: jwtAudience };
  return {
    gatekeeper: new Gatekeeper({
      apiKeys: apiKeys && (() => apiKeys.current),
      tokens,
      ownKey: ownKey === undefined ? undefined : soleKey(ownKey, 'sluice up'),
      clock,
    }),
    stop: () => {
      apiKeys?.stop();
      keySet?.stop();
    },
  };
}

function openKeySet(place: string, clock: Clock, log: Logger): { readonly keys: TokenRules['keys']; stop(): void } {
  if (/^https?:/.test(place)) return { keys: new RemoteKeys(new URL(place), clock, log).find, stop: () => {} };
  const parse = (text: string): TokenRules['keys'] => createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
  const file = watchFile(place, parse, clock, log);
  return { keys: (header, token) => file.current(header, token), stop: () => file.stop() };
}
