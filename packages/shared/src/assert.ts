/**
 * Stops on a programmer's error; stays on in production. Input from outside must never reach one: it gets a
 * {@link ServingError} where it is parsed.
 * @throws Error whose message begins with "assertion failed".
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** Ends a chain of alternatives: the compiler refuses the call as long as one alternative is left. */
export function unreachable(value: never): never {
  throw new Error(`assertion failed: unreachable alternative ${JSON.stringify(value)}`);
}
