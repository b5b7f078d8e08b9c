import { noWork, type StepCost, withDecode, withIdleRows } from '../cost-model.js';
import type { ModelLimits } from '../model-port.js';

/** A decode of a step, as far as drafts depend on it. */
export interface DraftRow {
  /** Tokens in the slot before the row. */
  readonly position: number;
  /** How likely each further token is kept where all in front of it are, 0 to 1. */
  readonly chances: readonly number[];
}

/** What decides about drafts beside how likely they are. */
export interface DraftTerms extends Pick<ModelLimits, 'decodesSpanSlots'> {
  /** Further tokens of all rows together. */
  readonly tokensMax: number;
  /** Prompts that could be computed now and wait until the step is over. */
  readonly promptsWaiting: number;
  /** Take some that are likely also where that seems too dear: nobody knows yet what they take. */
  readonly isTrial: boolean;
}

/** A step is predicted to give at least so many times more tokens a millisecond: predictions err. */
const WORTHWHILE_RATIO = 1.03;
/**
 * What guesses win is so many times what they cost, at the least: as much for a lone stream, and more the more there are,
 * up to {@link MANY_STREAMS}. A step that some of many save is run for the others all the same.
 */
const MANY_STREAMS_RATIO = 1.5;
const MANY_STREAMS = 8;
/** A trial takes tokens that are at least so likely to be kept, and so many of a row. */
const TRIAL_CHANCE = 0.3;
const TRIAL_TOKENS = 3;

/**
 * How many further tokens each row of a step of decodes alone takes, so that the step gives the most tokens a millisecond:
 * the likeliest first, as long as that helps.
 *
 * What is won and what it costs are milliseconds that somebody waits. Each guess that is right saves its stream a step;
 * what the step takes longer is waited for by all streams in it, and by prompts:
 *
 *   right guesses × step  ≥  ratio × longer by × (streams + prompts that wait),   ratio 1 to {@link MANY_STREAMS_RATIO}
 *
 * A pass of few streams is mostly its base, so there guesses win much; of many it is mostly rows, and a guess costs as much
 * as a token of a stream. Tokens that are bound to come would have to be computed in any case, and take more rows only at once.
 */
export function chooseDrafts(rows: readonly DraftRow[], cost: StepCost, terms: DraftTerms): readonly number[] {
  const { tokensMax, promptsWaiting, isTrial } = terms;
  const counts = rows.map(() => 0);
  const candidates = candidatesOf(rows).slice(0, tokensMax);
  if (candidates.length === 0) return counts;
  const dearness = guessRatio(rows.length) * (1 + promptsWaiting / rows.length);
  let work = rows.reduce((sum, { position }) => withDecode(sum, position), noWork);
  // With all that is bound to come, as far as that is taken; and with guesses.
  const sure = { tokens: rows.length, ms: cost.predictMs(work) };
  let best = (WORTHWHILE_RATIO * sure.tokens) / sure.ms;
  let tokens = rows.length;
  let longest = 0;
  let taken = 0;
  for (const [index, { row, depth, chance }] of candidates.entries()) {
    tokens += chance;
    work = withDecode(work, rows[row]!.position + depth);
    longest = Math.max(longest, depth);
    const ms = cost.predictMs(withIdleRows(work, rows.length * longest - (index + 1), terms));
    const pays = chance === 1 || tokens / sure.tokens - 1 >= dearness * (ms / sure.ms - 1);
    if (tokens / ms > best && pays) {
      best = tokens / ms;
      taken = index + 1;
      if (chance === 1) Object.assign(sure, { tokens, ms });
    }
    if (isTrial && chance >= TRIAL_CHANCE && depth <= TRIAL_TOKENS) taken = Math.max(taken, index + 1);
  }
  for (const { row } of candidates.slice(0, taken)) counts[row]! += 1;
  return counts;
}

function guessRatio(streams: number): number {
  return 1 + (MANY_STREAMS_RATIO - 1) * Math.min(1, (streams - 1) / (MANY_STREAMS - 1));
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
