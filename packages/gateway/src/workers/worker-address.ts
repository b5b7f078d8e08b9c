/** What an operator may write, for messages. */
export const workerAddressExample = 'an address like grpc://127.0.0.1:9000 or http://127.0.0.1:8080';

/** Above every address that anybody has. */
const addressCharactersMax = 1_024;

/**
 * A worker's address in the form that names it: `host:port` of one given as that or as `grpc://host:port`;
 * `http://host:port/prefix` (or https) of an upstream, whose paths begin with the prefix, without a `/v1` or slash at its
 * end. Undefined when it is neither.
 */
export function parseWorkerAddress(given: string): string | undefined {
  if (given.length > addressCharactersMax) return undefined;
  if (isUpstreamAddress(given)) return parseUpstreamAddress(given);
  const address = given.replace(/^grpc:\/\//, '').replace(/\/$/, '');
  const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[^\s/:[\]]{1,253}):(\d{1,5})$/.exec(address) ?? [];
  return Number(port) >= 1 && Number(port) <= 65_535 ? address : undefined;
}

/** Whether it is an OpenAI-compatible server's, and not one of our workers'. */
export function isUpstreamAddress(address: string): boolean {
  return /^https?:\/\//i.test(address);
}

function parseUpstreamAddress(given: string): string | undefined {
  if (/\s/.test(given) || !URL.canParse(given)) return undefined;
  const { origin, pathname, username, password, search, hash, port } = new URL(given);
  if (username !== '' || password !== '' || search !== '' || hash !== '' || port === '0') return undefined;
  return origin + pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
}
