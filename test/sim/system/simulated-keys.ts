import { createHash } from 'node:crypto';
import { ApiKeys } from '../../../packages/gateway/src/auth/api-keys.js';

/** Somebody with an API key. */
export interface AskingCaller {
  readonly name: string;
  /** Over all gateways; undefined: any number. */
  readonly requestsPerMinute: number | undefined;
}

/** The same for the same name. */
export function keyOf(name: string): string {
  return `sk-sluice-${name.padEnd(8, '0')}-${name.padEnd(43, '_')}`;
}

/** As gateways read them from a file. */
export function keysOf(callers: readonly AskingCaller[]): ApiKeys {
  return new ApiKeys(
    callers.map(({ name, requestsPerMinute }) => ({
      name,
      id: name.padEnd(8, '0'),
      sha256: createHash('sha256').update(keyOf(name)).digest('hex'),
      ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    })),
  );
}
