import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second for user space, whatever its kernel's own tick is. */
const tickMs = 10;

export interface ProcessUsage {
  /** User and system time since they started, of all processes of the tree and of their children that have ended. */
  readonly cpuMs: number;
  /** Memory that lies in RAM; pages that several processes share are counted once (proportional set size). */
  readonly residentMb: number;
}

/** Of a process and everything that it started. Undefined where there is no /proc, or when the process is gone. */
export function processTreeUsage(rootPid: number): ProcessUsage | undefined {
  try {
    const tree = processTree(rootPid);
    if (tree.length === 0) return undefined;
    return {
      cpuMs: tree.reduce((total, { cpuTicks }) => total + cpuTicks * tickMs, 0),
      residentMb: tree.reduce((total, { pid }) => total + residentKb(pid), 0) / 1024,
    };
  } catch {
    return undefined;
  }
}

export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  readonly cpuTicks: number;
}

/** Reads a line of /proc/PID/stat (proc(5)): the name in parentheses may itself hold blanks and parentheses. */
export function parseProcessStat(line: string): ProcessStat {
  const pid = Number.parseInt(line, 10);
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  return {
    pid,
    parentPid: Number(fields[1]),
    cpuTicks: (utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0),
  };
}

function processTree(rootPid: number): ProcessStat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => readStat(pid) ?? []);
  const tree = all.filter((stat) => stat.pid === rootPid);
  for (const member of tree) tree.push(...all.filter((stat) => stat.parentPid === member.pid));
  return tree;
}

function readStat(pid: string): ProcessStat | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

function residentKb(pid: number): number {
  for (const [file, field] of [
    ['smaps_rollup', /^Pss:\s+(\d+) kB/m],
    ['status', /^VmRSS:\s+(\d+) kB/m],
  ] as const) {
    try {
      const match = field.exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'));
      if (match) return Number(match[1]);
    } catch {
      // Another user's process hides its maps; its plain resident size is still there. An ended one has neither.
    }
  }
  return 0;
}
