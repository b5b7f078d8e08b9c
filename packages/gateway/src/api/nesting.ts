/** Levels of objects and arrays that JSON of a caller's may have where it is written again, which takes a stack. */
export const LEVELS_MAX = 256;

/** Whether a value that was read from JSON has at most {@link LEVELS_MAX} levels. Takes no stack itself. */
export function isShallow(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const each of level) {
      if (typeof each !== 'object' || each === null) continue;
      if (depth === LEVELS_MAX) return false;
      for (const member of Object.values(each)) next.push(member);
    }
    level = next;
  }
  return true;
}

/** For a schema's `refine`. */
export const tooDeep = { error: `must be nested at most ${LEVELS_MAX} levels deep` };
