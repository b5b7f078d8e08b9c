import os from 'node:os';

export interface AdvertiseWish {
  /** Where it listens. */
  readonly host: string;
  /** What the operator said, which holds. */
  readonly advertise?: string;
}

/** `host:port` at which others reach what listens here: for all addresses, the first that is not this machine's own. */
export function advertisedAddress(
  { host, advertise }: AdvertiseWish,
  port: number,
  interfaces: ReturnType<typeof os.networkInterfaces> = os.networkInterfaces(),
): string {
  if (advertise !== undefined) return advertise;
  const isAll = host === '0.0.0.0' || host === '::';
  const all = Object.values(interfaces).flatMap((each) => each ?? []);
  const reachable = all.find((each) => each.family === 'IPv4' && !each.internal)?.address ?? '127.0.0.1';
  const name = isAll ? reachable : host;
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}
