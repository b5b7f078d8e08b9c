import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Connections that the system holds until they are accepted. Where there are more, it drops clients' first packets, and
 * they try again after 1, 3, 7 and 15 s; Node's default of 511 is full when thousands come while a step is written out.
 */
const UNACCEPTED_MAX = 4_096;

/**
 * Opens the port. @returns the one that it is, where any would do.
 * @throws (rejects) Error that says why it cannot be opened.
 */
export async function openPort(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port, backlog: UNACCEPTED_MAX, listenTextResolver: () => '' });
  } catch (cause) {
    throw listenError(cause, host, port);
  }
  return (app.server.address() as AddressInfo).port;
}

export function gatewayUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function listenError(cause: unknown, host: string, port: number): Error {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') return new Error(`port ${port} on ${host} is in use`, { cause });
  if (code === 'EACCES')
    return new Error(`port ${port} on ${host} needs rights that this user does not have`, { cause });
  return new Error(`cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : cause}`, { cause });
}
