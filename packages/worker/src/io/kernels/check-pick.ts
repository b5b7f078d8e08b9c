import { Tensor } from '@sluice/ort';
import { GraphBuilder } from '../../model/compile/graph-builder.js';
import { WeightTable } from '../../model/compile/weight-table.js';
import { floatsOf, type Outputs, openSession, randomFloats, requireNear, run } from './check-session.js';

/** No whole vectors; fewer than there are segments to bound the candidates, and segments of one vector, and of two. */
const SIZES = [
  { vocabulary: 40, candidates: 40 },
  { vocabulary: 290, candidates: 128 },
  { vocabulary: 2_999, candidates: 128 },
  { vocabulary: 20_011, candidates: 100 },
];
/** Of the log of a sum: what one float may be off. */
const TOLERANCE = 1e-6;
/** Bits of a float that is no number and has a sign. */
const NEGATIVE_NAN = 0xffc0_0001;

/**
 * Rows of every kind that has a way of its own, together and alone, sampled not at all, once and twice.
 * @throws Error where another token is picked than defined, in another order, or by another sum.
 */
export function checkPick(libraryPath: string): void {
  for (const { vocabulary, candidates } of SIZES) checkVocabulary(libraryPath, vocabulary, candidates);
}

function checkVocabulary(libraryPath: string, vocabulary: number, candidates: number): void {
  const rows = rowsOf(vocabulary);
  const ranked = rows.map(rank);
  // From the last row to the first, those of odd numbers at two temperatures.
  const sampled = rows.flatMap((_, at) => {
    const row = rows.length - 1 - at;
    return row % 2 === 1 ? [row, row] : [row];
  });
  const temperatures = Float32Array.from(sampled, (_, at) => [0.7, 1, 1.9, 0.01][at % 4]!);
  const logits = new Float32Array(rows.length * vocabulary);
  for (const [row, values] of rows.entries()) logits.set(values, row * vocabulary);

  const session = openSession(graphOf(vocabulary, candidates), libraryPath);
  const pick = (values: Float32Array, from: readonly number[], at: Float32Array): Outputs =>
    run(session, {
      logits: Tensor.over(values, [values.length / vocabulary, vocabulary]),
      sampled: Tensor.over(BigInt64Array.from(from, BigInt), [from.length]),
      temperatures: Tensor.over(at, [at.length, 1]),
    });
  try {
    const best = ranked.map((ids) => ids[0]!);
    const ids = sampled.flatMap((row) => [...ranked[row]!.subarray(0, candidates)]);
    const out = pick(logits, sampled, temperatures);
    requireSame(out.best, best);
    requireSame(out.candidate_ids, ids);
    const rowAt = (at: number): Float32Array => rows[sampled[Math.floor(at / candidates)]!]!;
    requireSame(
      out.candidate_logits,
      ids.map((id, at) => rowAt(at)[id]!),
    );
    const sums = floatsOf(out, 'log_sum_exps');
    requireSums(
      sums,
      sampled.map((row, at) => logSumExp(rows[row]!, best[row]!, temperatures[at]!)),
    );
    // Alone, and where nothing is sampled.
    for (const [at, row] of sampled.entries()) {
      const alone = pick(rows[row]!.slice(), [0], temperatures.slice(at, at + 1));
      requireSame(alone.best, [best[row]!]);
      requireSame(alone.log_sum_exps, [sums[at]!]);
      requireSame(alone.candidate_ids, ids.slice(at * candidates, (at + 1) * candidates));
    }
    const greedy = pick(logits, [], new Float32Array(0));
    requireSame(greedy.best, best);
    for (const name of ['log_sum_exps', 'candidate_logits', 'candidate_ids']) requireSame(greedy[name], []);
  } finally {
    session.dispose();
  }
}

function graphOf(vocabulary: number, candidates: number): GraphBuilder {
  const builder = new GraphBuilder('pick', new WeightTable('none'));
  const inputs = [
    builder.input('logits', 'float32', ['rows', vocabulary]),
    builder.input('sampled', 'int64', ['sampled_rows']),
    builder.input('temperatures', 'float32', ['sampled_rows', 1]),
  ];
  const outputs = ['best', 'log_sum_exps', 'candidate_logits', 'candidate_ids'];
  builder.nodeWithOutputs('Pick', inputs, outputs, { candidates: { int: candidates } });
  builder.output('best', 'int32', ['rows']);
  builder.output('log_sum_exps', 'float32', ['sampled_rows']);
  builder.output('candidate_logits', 'float32', ['sampled_rows', candidates]);
  builder.output('candidate_ids', 'int32', ['sampled_rows', candidates]);
  return builder;
}

/** Rows of logits, each of a kind. */
function rowsOf(vocabulary: number): Float32Array[] {
  const random = randomFloats(13);
  const plain = random(vocabulary, 12);
  const lowest = new Float32Array(vocabulary).fill(Number.NEGATIVE_INFINITY);
  const last = vocabulary - 1;
  const broken = random(vocabulary, 9);
  new Uint32Array(broken.buffer)[vocabulary >> 1] = NEGATIVE_NAN;
  return [
    plain,
    // Hundreds of the same.
    random(vocabulary, 9).map(Math.round),
    // Zeros of both signs are the same too.
    random(vocabulary, 1).map((value) => value * 0),
    new Float32Array(vocabulary).fill(-3),
    plain.toSorted(),
    plain.toSorted().toReversed(),
    lowest,
    lowest.with(last, 2).with(1, 2),
    plain.with(last, 1e30).with(3, -1e38),
    plain.with(last, Number.POSITIVE_INFINITY),
    plain.with(5, Number.NaN).with(9, Number.POSITIVE_INFINITY),
    broken,
    new Float32Array(vocabulary).fill(Number.NaN),
  ];
}

/** Ids by falling logit, of equals the lower one first; what is no number in front of all. */
function rank(row: Float32Array): Int32Array {
  const above = (value: number): number => (Number.isNaN(value) ? 1 : 0);
  const compare = (a: number, b: number): number => above(b) - above(a) || (a < b ? 1 : a > b ? -1 : 0);
  return Int32Array.from(row.keys()).sort((a, b) => compare(row[a]!, row[b]!) || a - b);
}

function logSumExp(row: Float32Array, best: number, temperature: number): number {
  const most = row[best]!;
  if (!Number.isFinite(most)) return most;
  let sum = 0;
  for (const logit of row) sum += Math.exp((logit - most) / temperature);
  return most / temperature + Math.log(sum);
}

/** To rounding where they are finite, else the same. */
function requireSums(got: Float32Array, wanted: readonly number[]): void {
  const known = (sums: ArrayLike<number>) =>
    Float32Array.from(sums, (sum, at) => (Number.isFinite(wanted[at]) ? sum : 0));
  requireNear('Pick', known(got), known(wanted), TOLERANCE);
  requireSame(
    got.map((sum, at) => (Number.isFinite(wanted[at]) ? 0 : sum)),
    wanted.map((sum) => (Number.isFinite(sum) ? 0 : sum)),
  );
}

/** What is no number is the same as itself. */
function requireSame(got: Outputs[string] | undefined, wanted: readonly number[]): void {
  const areSame = got?.length === wanted.length && wanted.every((value, at) => Object.is(value, Number(got[at])));
  if (!areSame) throw new Error('Pick gives other tokens than it is defined to');
}
