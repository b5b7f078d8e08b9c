import { noWork, type StepCost, withDecode, withIdleRows } from '../cost-model.js';

/** A decode of a step, as far as drafts depend on it. */
export interface DraftRow {
  /** Tokens in the slot before the row. */
  readonly position: number;
  /** How likely each further token is kept where all in front of it are, 0 to 1. */
  readonly chances: readonly number[];
}

/**
 * Drafts are worth it when the step is predicted to give so many times more tokens a millisecond: predictions err, and
 * nobody should have less than without.
 */
const WORTHWHILE_RATIO = 1.03;
/** A trial takes tokens that are at least so likely to be kept, and so many of a row. */
const TRIAL_CHANCE = 0.3;
const TRIAL_TOKENS = 3;

/**
 * How many further tokens each row of a step of decodes alone takes, so that the step gives the most tokens a millisecond:
 * the likeliest first, as long as that helps.
 * @param tokensMax further tokens of all rows together.
 * @param isTrial take some that are likely also where that seems too dear: nobody knows yet what they take.
 */
export function chooseDrafts(
  rows: readonly DraftRow[],
  cost: StepCost,
  tokensMax: number,
  isTrial: boolean,
): readonly number[] {
  const counts = rows.map(() => 0);
  const candidates = candidatesOf(rows).slice(0, tokensMax);
  if (candidates.length === 0) return counts;
  let work = rows.reduce((sum, { position }) => withDecode(sum, position), noWork);
  let best = (WORTHWHILE_RATIO * rows.length) / cost.predictMs(work);
  let tokens = rows.length;
  let longest = 0;
  let taken = 0;
  for (const [index, { row, depth, chance }] of candidates.entries()) {
    tokens += chance;
    work = withDecode(work, rows[row]!.position + depth);
    longest = Math.max(longest, depth);
    const gain = tokens / cost.predictMs(withIdleRows(work, rows.length * longest - (index + 1)));
    if (gain > best) {
      best = gain;
      taken = index + 1;
    }
    if (isTrial && chance >= TRIAL_CHANCE && depth <= TRIAL_TOKENS) taken = Math.max(taken, index + 1);
  }
  for (const { row } of candidates.slice(0, taken)) counts[row]! += 1;
  return counts;
}

interface Candidate {
  /** Index of its row. */
  readonly row: number;
  /** Tokens of the row in front of it. */
  readonly depth: number;
  /** That it and all in front of it are kept. */
  readonly chance: number;
}

/** Likeliest first; of equals those with fewer in front. None comes before one that it stands behind. */
function candidatesOf(rows: readonly DraftRow[]): Candidate[] {
  const candidates: Candidate[] = [];
  for (const [row, { chances }] of rows.entries()) {
    let chance = 1;
    for (const [index, one] of chances.entries()) {
      chance *= one;
      candidates.push({ row, depth: index + 1, chance });
    }
  }
  return candidates.sort((a, b) => b.chance - a.chance || a.depth - b.depth);
}
