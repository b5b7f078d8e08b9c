/** `host:port` of a worker given as that or as `grpc://host:port`; undefined when it is neither. */
export function parseWorkerAddress(given: string): string | undefined {
  const address = given.replace(/^grpc:\/\//, '').replace(/\/$/, '');
  const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[^\s/:[\]]{1,253}):(\d{1,5})$/.exec(address) ?? [];
  return Number(port) >= 1 && Number(port) <= 65_535 ? address : undefined;
}
