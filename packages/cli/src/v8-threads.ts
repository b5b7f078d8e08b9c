import { setFlagsFromString } from 'node:v8';

const flags = [
  // Bytes of bytecode that a function runs through before it is optimized; 66 KiB where nobody says so (Node 20). What calls
  // a function once a step gains little by its being optimized, and compiling all of them takes thousands of steps.
  '--interrupt-budget=600000',
  // A young generation of 4 MB, nearly all of it garbage, is no work to share; each thread that is woken for it costs more.
  '--no-parallel-scavenge',
];

/**
 * Has V8's own threads do less, for a process that computes on all processors: threads that wait for each other behind every
 * operator lose more by one that comes in between than JavaScript gains by it. Loops are optimized soon in any case. For all
 * isolates of the process, from now on.
 */
export function quietV8Threads(): void {
  for (const flag of flags) setFlagsFromString(flag);
}
