import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Cluster, type CommonRedisOptions, Redis } from 'ioredis';
import type { RedisTarget } from '../redis-url.js';

export type RedisClient = Redis | Cluster;

/** Milliseconds between attempts to connect: quick at first, because most outages are restarts. */
const reconnectFirstMs = 50;
const reconnectMaxMs = 1_000;

/**
 * A client that never holds a command back: not connected, it refuses at once; not answered, it gives up.
 * @param commandMs after which an answer is not waited for any more.
 * @throws Error when the file of certificates cannot be read.
 */
export function openRedisClient(target: RedisTarget, commandMs: number): RedisClient {
  const { isTls, caFile, username, password } = target;
  const tls: ConnectionOptions | undefined = isTls
    ? caFile === undefined
      ? {}
      : { ca: readFileSync(caFile) }
    : undefined;
  const retryStrategy = (attempt: number): number =>
    Math.min(reconnectMaxMs, reconnectFirstMs * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
  const shared = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    connectionName: 'sluice',
    connectTimeout: 2_000,
    commandTimeout: commandMs,
    // A peer that has been silent this long with commands open is given up, so that what it owes does not pile up.
    socketTimeout: Math.max(2_000, 4 * commandMs),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // After a failover the old master is a replica: the next connection finds the new one.
    reconnectOnError: (error: Error) => /^(READONLY|MASTERDOWN)\b/.test(error.message),
    disableClientInfo: true,
    protocol: 2,
  } satisfies CommonRedisOptions;
  switch (target.kind) {
    case 'single':
      return new Redis({ ...shared, ...target.node, db: target.database, retryStrategy });
    case 'sentinel':
      return new Redis({
        ...shared,
        sentinels: [...target.sentinels],
        name: target.masterName,
        db: target.database,
        ...(target.sentinelPassword === undefined ? {} : { sentinelPassword: target.sentinelPassword }),
        ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
        sentinelRetryStrategy: retryStrategy,
        retryStrategy,
      });
    case 'cluster': {
      const { enableOfflineQueue, ...redisOptions } = shared;
      return new Cluster([...target.nodes], {
        enableOfflineQueue,
        redisOptions,
        clusterRetryStrategy: retryStrategy,
        slotsRefreshTimeout: 2_000,
        retryDelayOnFailover: 50,
        retryDelayOnClusterDown: 50,
        maxRedirections: 4,
        // Certificates name hosts, so with TLS names stay names.
        ...(isTls
          ? { dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host) }
          : {}),
      });
    }
  }
}
