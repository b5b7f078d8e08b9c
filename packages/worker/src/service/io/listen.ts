import { logVerbosity, type Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import type { TlsOptions } from '@sluice/proto';
import { ServingError } from '@sluice/shared';

/**
 * Binds a gRPC server.
 * @param port 0: any free one.
 * @param tls clients have to show a certificate of the authority; absent: no encryption.
 * @returns the port it listens on.
 * @throws ServingError `invalid_request` that names address and port when they cannot be had.
 */
export function listen(server: Server, host: string, port: number, tls?: TlsOptions): Promise<number> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  // The library prints a line of its own for an address it cannot have; ours says more.
  const isQuiet = process.env.GRPC_VERBOSITY === undefined;
  if (isQuiet) setLogVerbosity(logVerbosity.NONE);
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentialsOf(tls), (cause, bound) => {
      if (isQuiet) setLogVerbosity(logVerbosity.ERROR);
      if (cause === null) return resolve(bound);
      const reason = cause.message.includes('EADDRINUSE') ? 'it is in use' : cause.message;
      reject(new ServingError('invalid_request', `cannot listen on ${address}: ${reason}`, { field: 'port', cause }));
    });
  });
}

function credentialsOf(tls: TlsOptions | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { authority, certificate, key } = tls;
  return ServerCredentials.createSsl(authority, [{ cert_chain: certificate, private_key: key }], true);
}
