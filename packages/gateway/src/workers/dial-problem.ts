/** What a connection that the other side closed without a word may mean. */
const hints = {
  tls: 'it hung up; it may not accept this gateway’s certificate, or not speak TLS',
  plain: 'it hung up; it may want TLS',
} as const;

/**
 * Says in one line why a worker could not be reached, from what the system said.
 * @param isTls whether it was spoken to over TLS.
 */
export function dialProblem(said: string, isTls: boolean): string {
  const problem = said.trim();
  // A server says that it wants another certificate only when the handshake is over for the client, by hanging up.
  if (/connection was closed|alert (certificate|unknown ca|handshake)|ECONNRESET|socket hang up/.test(problem)) {
    return isTls ? hints.tls : hints.plain;
  }
  if (/wrong version number/.test(problem)) return 'it does not speak TLS, and this gateway does';
  if (/self.signed|unable to verify|unable to get (local )?issuer/.test(problem)) {
    return `its certificate is not signed by the authority of --tls-ca: ${problem}`;
  }
  return problem;
}
