import { writeSync } from 'node:fs';

/** How a mock is told to die, see MockFleet.kill. */
export const DEATH_SIGNAL = 'SIGUSR2';

/** On the signal the process says how many streams it has, and is gone at once, like one that was killed. */
export function dieWhenTold(streamCount: () => number): void {
  process.on(DEATH_SIGNAL, () => {
    writeSync(1, `${streamCount()}\n`);
    process.kill(process.pid, 'SIGKILL');
  });
}
