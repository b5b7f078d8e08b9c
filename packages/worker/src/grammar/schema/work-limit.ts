import { SchemaError } from './json-schema.js';

/** Schemas that people write take a few thousand; all of it takes some seconds at the very worst. */
const UNITS_MAX = 200_000;

/**
 * What may be done for one schema. References multiply: thirty definitions that each name the next one twice are a
 * billion schemas, and the engine waits meanwhile.
 */
export class WorkLimit {
  #units = UNITS_MAX;

  /** @throws SchemaError once too much was done. */
  spend(units: number): void {
    this.#units -= units;
    if (this.#units < 0) {
      throw new SchemaError(
        'json_schema',
        'multiplies too much by its references and alternatives, which is not supported',
      );
    }
  }
}
