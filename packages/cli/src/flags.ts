/** A flag's value that makes no sense; `message` is the one line that the user gets. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A parser of whole numbers from `min` to `max`, for commander's options. It throws {@link UsageError}. */
export function wholeNumber(flag: string, min: number, max: number): (value: string) => number {
  return (value) => {
    const number = /^[+-]?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`${flag} ${shown(value)} must be a whole number from ${min} to ${max}`);
  };
}

/** A parser of decimal numbers from `min` to `max`, for commander's options. It throws {@link UsageError}. */
export function decimal(flag: string, min: number, max: number): (value: string) => number {
  return (value) => {
    const number = /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`${flag} ${shown(value)} must be a number from ${min} to ${max}`);
  };
}

/** A parser of one of `choices`. It throws {@link UsageError}. */
export function oneOf<const T extends string>(flag: string, choices: readonly T[]): (value: string) => T {
  return (value) => {
    const choice = choices.find((each) => each === value);
    if (choice !== undefined) return choice;
    throw new UsageError(`${flag} ${shown(value)} must be one of ${choices.join(', ')}`);
  };
}

/** A parser of a name or address that may not be empty nor hold white space. It throws {@link UsageError}. */
export function word(flag: string): (value: string) => string {
  return (value) => {
    if (value !== '' && !/\s/.test(value)) return value;
    throw new UsageError(`${flag} ${shown(value)} must not be empty nor hold white space`);
  };
}

/** A parser of a name or path that may not be empty. It throws {@link UsageError}. */
export function text(flag: string): (value: string) => string {
  return (value) => {
    if (value !== '') return value;
    throw new UsageError(`${flag} must not be empty`);
  };
}

/**
 * A parser of `http://host[:port]`, which gives it back without a trailing slash or `/v1`. It throws
 * {@link UsageError}.
 */
export function httpAddress(flag: string): (value: string) => string {
  return (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url && (url.protocol === 'http:' || url.protocol === 'https:')) {
      return `${url.origin}${url.pathname.replace(/\/(v1\/?)?$/, '')}`;
    }
    throw new UsageError(`${flag} ${shown(value)} must be an address like http://127.0.0.1:8000`);
  };
}

/**
 * A parser of a worker's address, `grpc://host:port`, `host:port`, or `http://host:port` with a path or not (or https),
 * collected into a list as the flag is repeated; the list holds the first two as `host:port`. It throws
 * {@link UsageError}.
 */
export function workerAddress(flag: string): (value: string, earlier: readonly string[]) => readonly string[] {
  return (value, earlier) => {
    const address = value.replace(/^grpc:\/\//, '');
    if (isHostAndPort(address) || isPlainUrl(value)) return [...earlier, address];
    const examples = 'grpc://127.0.0.1:9000 or http://127.0.0.1:8080';
    throw new UsageError(`${flag} ${shown(value)} must be an address like ${examples}`);
  };
}

/**
 * A parser of a name that stands for workers, `host:port` or `http://host:port`, collected into a list as the flag is
 * repeated. It throws {@link UsageError}.
 */
export function workerName(flag: string): (value: string, earlier: readonly string[]) => readonly string[] {
  return (value, earlier) => {
    const name = value.replace(/^grpc:\/\//, '');
    if (isHostAndPort(name.replace(/^http:\/\//, ''))) return [...earlier, name];
    throw new UsageError(`${flag} ${shown(value)} must be a name like workers:9000 or http://servers:8080`);
  };
}

function isHostAndPort(text: string): boolean {
  const port = Number(/:(\d{1,5})$/.exec(text)?.[1]);
  return /^(\[[0-9a-fA-F:.]+\]|[^\s/:[\]]+):\d+$/.test(text) && port >= 1 && port <= 65535;
}

/** One without a name, a password, a query or a fragment: those go by other ways, or nowhere. */
function isPlainUrl(text: string): boolean {
  if (!/^https?:\/\/[^\s@?#]+$/i.test(text) || !URL.canParse(text)) return false;
  return new URL(text).port !== '0';
}

function shown(value: string): string {
  return /^[\w.:/+-]+$/.test(value) ? value : JSON.stringify(value);
}
