import { type DecideEntry, hidesWaiting, holdersOf, type PassEntry, type SequenceSnapshot } from '../history.js';
import type { Checker } from './checker.js';

/** What the hashing model takes for a token. */
const BYTES_PER_TOKEN = 4;

/**
 * A preempted sequence keeps all that it had computed, or nothing; goes on exactly there; and what copies take is the sum
 * over those that wait, within its bound, and nothing in the end.
 */
export const copiedState: Checker = (history, { options }) => {
  const violations: string[] = [];
  const bytesMax = options.swapBytesMax ?? 0;
  let preemptions = 0;
  /** Of the plan before, and of the last one that was shown all who wait. */
  let decided: DecideEntry | undefined;
  let before: DecideEntry | undefined;
  for (const record of history) {
    if (record.kind === 'pass') violations.push(...comebacks(record, decided));
    if (record.kind === 'end' && record.load.swapBytesUsed !== 0) {
      violations.push(`${record.load.swapBytesUsed} bytes of copies are left`);
    }
    if (record.kind !== 'decide') continue;
    decided = record;
    const { load, waiting } = record;
    for (const { id, copiedTokens } of holdersOf(record)) {
      if (copiedTokens !== undefined) violations.push(`${id} runs and has a copy`);
    }
    if (hidesWaiting(record)) continue;
    violations.push(...waiting.flatMap((one) => changes(one, before)));
    const bytes = waiting.reduce((sum, { copiedTokens = 0 }) => sum + copiedTokens * BYTES_PER_TOKEN, 0);
    if (bytes > bytesMax) violations.push(`copies of ${bytes} bytes, at most ${bytesMax}`);
    if (load !== undefined && load.swapBytesUsed !== bytes) {
      violations.push(`load says copies of ${load.swapBytesUsed} bytes, they are ${bytes}`);
    }
    if (load !== undefined && load.preemptionsCopied + load.preemptionsRecomputed !== preemptions) {
      violations.push(`load counts other preemptions than the ${preemptions} there were`);
    }
    preemptions += record.preempted.length;
    before = record;
  }
  return violations;
};

/** A copy is made when its sequence loses its slot, of all that it had, and stays as it is. */
function changes({ id, computed, copiedTokens }: SequenceSnapshot, before: DecideEntry | undefined): string[] {
  if (copiedTokens === undefined) return [];
  const lost = before?.preempted.includes(id) === true ? holdersOf(before).find((one) => one.id === id) : undefined;
  const had = lost?.computed ?? before?.waiting.find((one) => one.id === id)?.copiedTokens;
  if (copiedTokens === had && computed === had) return [];
  return [`${id} had ${had} tokens, its copy has ${copiedTokens}, and it counts on ${computed}`];
}

/** Who comes back from a copy goes on behind its last token. */
function comebacks({ plan }: PassEntry, before: DecideEntry | undefined): string[] {
  if (before === undefined) return [];
  const copied = new Map(before.waiting.map(({ id, copiedTokens }) => [id, copiedTokens]));
  const decodes = plan.decodes.map(({ position }, index) => ({ id: before.decodes[index]!, position }));
  const chunks = plan.chunks.map(({ position }, index) => ({ id: before.chunks[index]!.id, position }));
  return [...decodes, ...chunks].flatMap(({ id, position }) => {
    const tokens = copied.get(id);
    return tokens === undefined || tokens === position ? [] : [`${id} had ${tokens} tokens and goes on at ${position}`];
  });
}
