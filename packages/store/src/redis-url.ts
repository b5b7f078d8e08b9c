/** Where a Redis is, and how it is spoken to. */
export type RedisTarget = RedisAccess &
  (
    | { readonly kind: 'single'; readonly node: RedisNode; readonly database: number }
    | {
        readonly kind: 'sentinel';
        readonly sentinels: readonly RedisNode[];
        /** The name under which the sentinels watch the master. */
        readonly masterName: string;
        readonly database: number;
        readonly sentinelPassword: string | undefined;
      }
    | { readonly kind: 'cluster'; readonly nodes: readonly RedisNode[] }
  );

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisAccess {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
  /** File with the certificates to trust; undefined: those that the system trusts. */
  readonly caFile: string | undefined;
  /** The address without secrets, for logs. */
  readonly shown: string;
}

/** Nodes that an address may name. */
const nodesMax = 64;

/**
 * Reads `redis://[user:password@]host[:port][/database]`, `redis+sentinel://…host:port,host:port/name[/database]` or
 * `redis+cluster://…host:port,host:port`; `rediss` in place of `redis` is TLS. Parameters: `?ca=FILE`,
 * `?sentinel-password=…`. Ports are 6379 and 26379 where none is given.
 * @param flag what the address was given as, for the message.
 * @throws Error in one line that names flag and value, the password left out.
 */
export function parseRedisUrl(text: string, flag = '--redis'): RedisTarget {
  const shown = withoutSecrets(text);
  const fail = (problem: string): never => {
    throw new Error(`${flag} ${shown} ${problem}`);
  };
  const match = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?]*)@)?([^/?@]+)(\/[^?]*)?(?:\?(.*))?$/.exec(
    text,
  );
  if (match === null || /\s/.test(text)) {
    return fail(
      'must be an address like redis://host:6379, redis+sentinel://host:26379,host:26379/name or redis+cluster://host:6379',
    );
  }
  const [, scheme, mode, credentials = '', hosts = '', path = '', query = ''] = match;
  // A secret with a slash in it would be taken for a host and a path, and shown.
  if (`${hosts}${path}`.includes('@'))
    return fail('has a user or password in which characters must be percent-encoded');
  const nodes = hosts.split(',').map((host) => {
    const node = parseNode(host, mode === 'sentinel' ? 26_379 : 6_379);
    return (
      node ?? fail(`names ${JSON.stringify(host)}, which must be a host, or host:port with a port from 1 to 65535`)
    );
  });
  const [node] = nodes;
  if (node === undefined || nodes.length > nodesMax) return fail(`must name 1 to ${nodesMax} hosts`);
  const parameters = new Map(new URLSearchParams(query));
  const known = mode === 'sentinel' ? ['ca', 'sentinel-password'] : ['ca'];
  const unknown = [...parameters.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) return fail(`has the parameter ${unknown}, which must be one of ${known.join(', ')}`);
  const isTls = scheme === 'rediss';
  const caFile = parameters.get('ca');
  if (caFile !== undefined && !isTls) return fail('has the parameter ca, which needs rediss://');

  const [user, secret] = splitCredentials(credentials);
  const access: RedisAccess = {
    username: decode(user) || undefined,
    password: decode(secret) || undefined,
    isTls,
    caFile,
    shown,
  };
  const segments = path
    .split('/')
    .slice(1)
    .filter((segment, index, all) => segment !== '' || index < all.length - 1);
  const database = (segment = '0'): number =>
    /^\d{1,4}$/.test(segment)
      ? Number(segment)
      : fail(`names the database ${JSON.stringify(segment)}, which must be a number from 0 to 9999`);

  if (mode === 'cluster') {
    if (segments.length > 0) return fail('names a database, and a cluster has only one');
    return { kind: 'cluster', nodes, ...access };
  }
  if (mode === 'sentinel') {
    const [masterName, segment, ...rest] = segments;
    if (masterName === undefined || rest.length > 0)
      return fail('must end with the name of the master, /name or /name/database');
    const sentinelPassword = parameters.get('sentinel-password');
    return {
      kind: 'sentinel',
      sentinels: nodes,
      masterName: decode(masterName),
      database: database(segment),
      sentinelPassword,
      ...access,
    };
  }
  if (nodes.length > 1) return fail('names several hosts, which needs redis+sentinel:// or redis+cluster://');
  if (segments.length > 1) return fail('must end with a database number at most');
  return { kind: 'single', node, database: database(segments[0]), ...access };
}

function parseNode(text: string, defaultPort: number): RedisNode | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

/** `password` alone, as some write it, is `:password`. */
function splitCredentials(credentials: string): readonly [user: string, secret: string] {
  const colon = credentials.indexOf(':');
  return colon < 0 ? ['', credentials] : [credentials.slice(0, colon), credentials.slice(colon + 1)];
}

/** A percent sign that stands for itself is kept. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function withoutSecrets(text: string): string {
  const masked = text.replace(/:\/\/.*@/, '://***@').replace(/([?&]sentinel-password=)[^&]*/, '$1***');
  return /^[\w.:/+*@,?&=[\]-]+$/.test(masked) ? masked : JSON.stringify(masked);
}
