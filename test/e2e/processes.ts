import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface RunningProcess {
  readonly pid: number;
  readonly group: number;
  /** Its command line, arguments joined by blanks. */
  readonly command: string;
}

/** The processes of a group that still run; zombies, which only wait to be reaped, are left out. */
export function processesOf(group: number): readonly RunningProcess[] {
  return (process.platform === 'linux' ? fromProc() : fromPs()).filter((each) => each.group === group);
}

/** From /proc, because small images have no `ps`. */
function fromProc(): readonly RunningProcess[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) return [];
    try {
      // After the name in parentheses, which may hold anything: state, parent, group.
      const [state, , group] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
      return state === 'Z' ? [] : [{ pid, group: Number(group), command }];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

function fromPs(): readonly RunningProcess[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,pgid=,stat=,args='], { encoding: 'utf8' });
  return table.split('\n').flatMap((line) => {
    const [, pid, group, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || state?.startsWith('Z')) return [];
    return [{ pid: Number(pid), group: Number(group), command: command ?? '' }];
  });
}
