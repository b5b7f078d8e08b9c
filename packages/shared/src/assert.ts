/** A programmer's error that was found while the code ran. Nothing that it may have left behind can be relied on. */
export class BrokenAssertion extends Error {
  override readonly name = 'BrokenAssertion';

  constructor(message: string) {
    super(`assertion failed: ${message}`);
  }
}

/**
 * Stops on a programmer's error; stays on in production. Input from outside must never reach one: it gets a
 * {@link ServingError} where it is parsed.
 * @throws BrokenAssertion
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BrokenAssertion(message);
}

/** Ends a chain of alternatives: the compiler refuses the call as long as one alternative is left. */
export function unreachable(value: never): never {
  throw new BrokenAssertion(`unreachable alternative ${JSON.stringify(value)}`);
}
