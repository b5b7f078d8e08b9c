import { setFlagsFromString } from 'node:v8';

/**
 * Bytecode that a function runs through, in bytes, before V8's optimizing compiler looks at it; 66 KiB where nobody says so
 * (Node 20).
 */
const BYTES_BEFORE = 600_000;

/**
 * Has V8 optimize a function only once it has run some nine times as much as usual. For a process that computes on all
 * processors: what calls a function once a step gains little by its being optimized, and threads that compile for hundreds
 * of steps take processors from threads that wait for each other. Loops are hot soon in any case. For all isolates of the
 * process, from now on.
 */
export function compileLate(): void {
  setFlagsFromString(`--interrupt-budget=${BYTES_BEFORE}`);
}
