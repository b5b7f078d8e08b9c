import { readFileSync } from 'node:fs';

/** What the CPUs of the machine did since it started, all of them added, in milliseconds. */
export interface MachineTime {
  readonly totalMs: number;
  /** Neither idle nor stolen. */
  readonly busyMs: number;
  /** Wanted here, and given to other machines on the same host. */
  readonly stolenMs: number;
}

/** Undefined where there is no /proc. */
export function machineTime(): MachineTime | undefined {
  try {
    return parseMachineTime(readFileSync('/proc/stat', 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads /proc/stat (proc(5)), which counts in hundredths of a second. Guests' time is part of the users' already. */
export function parseMachineTime(text: string): MachineTime | undefined {
  const match = /^cpu +(.*)$/m.exec(text);
  if (!match?.[1]) return undefined;
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, stolen = 0] = match[1]
    .split(' ')
    .map((ticks) => Number(ticks) * 10);
  const busyMs = user + nice + system + irq + softIrq;
  return { totalMs: busyMs + idle + wait + stolen, busyMs, stolenMs: stolen };
}
