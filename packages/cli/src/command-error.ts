/** What stops a command and is not a bug; `message` is the one line that the user gets. Exit status 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
