import { lookup } from 'node:dns/promises';
import type { Clock, Logger } from '@sluice/shared';

/** Milliseconds between two resolutions of a name. */
const resolveEveryMs = 5_000;
/** Addresses of one name that are taken. */
const addressesMax = 1_024;

/** Follows a name whose addresses are workers. What it gave last holds while it cannot be resolved. */
export interface DnsWatch {
  stop(): void;
}

/**
 * @param name `host:port`, or `http://host:port` of upstreams.
 * @param onAddresses hears `address:port` of each after each resolution, `http://address:port` of upstreams.
 */
export function watchDns(
  name: string,
  onAddresses: (addresses: readonly string[]) => void,
  clock: Clock,
  log: Logger,
): DnsWatch {
  const [, scheme = '', host = name, port = ''] = /^(http:\/\/)?(.*):(\d+)$/.exec(name) ?? [];
  let isStopped = false;
  let wasResolved = true;
  let stopTimer = (): void => {};
  const resolve = async (): Promise<void> => {
    try {
      const found = await lookup(host, { all: true });
      // A host with addresses of both kinds is one worker.
      const family = found.some((each) => each.family === 4) ? 4 : 6;
      const addresses = found
        .filter((each) => each.family === family)
        .slice(0, addressesMax)
        .map(({ address }) => `${scheme}${family === 6 ? `[${address}]` : address}:${port}`);
      if (!wasResolved) log.info({ name, addresses: addresses.length }, 'the name of workers can be resolved again');
      wasResolved = true;
      if (!isStopped) onAddresses(addresses);
    } catch (error) {
      if (wasResolved) {
        const reason = error instanceof Error ? error.message : String(error);
        log.warn({ name, reason }, 'the name of workers cannot be resolved; going on with what it gave last');
      }
      wasResolved = false;
    }
    if (!isStopped) stopTimer = clock.after(resolveEveryMs, () => void resolve());
  };
  void resolve();
  return {
    stop: () => {
      isStopped = true;
      stopTimer();
    },
  };
}
