import net, { type AddressInfo } from 'node:net';
import { CommandError } from '../command-error.js';

/** The one line for a failure to listen, or one caused by it; undefined when the failure is something else. */
export function describeListenError(thrown: unknown, host: string, port: number): CommandError | undefined {
  switch (codeOf(thrown) ?? (thrown instanceof Error ? codeOf(thrown.cause) : undefined)) {
    case 'EADDRINUSE':
      return new CommandError(`port ${port} on ${host} is in use; choose another with --port`, { cause: thrown });
    case 'EACCES':
      return new CommandError(`port ${port} on ${host} needs more rights than this user has; choose one from 1024 up`, {
        cause: thrown,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new CommandError(`--host ${host} is no address of this machine`, { cause: thrown });
    default:
      return undefined;
  }
}

/**
 * Finds out whether a port can be listened on before anything slow is begun, and which one it is when any free one will
 * do (0).
 *
 * @throws CommandError that says why it cannot
 */
export async function findPort(host: string, port: number): Promise<number> {
  const probe = net.createServer();
  return await new Promise((resolve, reject) => {
    probe.once('error', (error) => reject(describeListenError(error, host, port) ?? error));
    probe.listen(port, host, () => {
      const found = (probe.address() as AddressInfo).port;
      probe.close(() => resolve(found));
    });
  });
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}
