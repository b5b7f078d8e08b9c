import { seededRng } from '@sluice/shared';
import { noWork, type StepWork, sharedTokens, withChunk, withDecode } from '@sluice/worker';

/** A machine with a model on it, as far as a simulation has to know it. */
export interface Machine {
  readonly name: string;
  /** Where its figures come from, for the report. */
  readonly source: string;
  /** Milliseconds of a forward pass. */
  passMs(work: StepWork): number;
  readonly slotsMax: number;
  readonly contextTokens: number;
  /** Tokens of keys and values that its memory holds. */
  readonly kvTokensMax: number;
  /** Prompt chunks of one pass. */
  readonly chunksMax: number;
  /** Prompt chunks that it computes side by side. Absent: 1. */
  readonly chunksAbreast?: number;
  /** Budget of the policies with a fixed one: strict and relaxed objective. */
  readonly tokenBudget: { readonly strict: number; readonly relaxed: number };
  /** Between two tokens, in milliseconds; undefined: 5 and 25 times a decode of 32 rows in mid-context. */
  readonly objectives?: { readonly strictMs: number; readonly relaxedMs: number };
}

/** Coefficients of a pass on a processor, where everything adds up; milliseconds. */
export interface LinearCost {
  readonly baseMs: number;
  readonly decodeMs: number;
  readonly decodeContextMs: number;
  readonly prefillTokenMs: number;
  readonly prefillPairMs: number;
  readonly chunkMs: number;
  /** Chunks that may be computed side by side; 1: each waits for the others. */
  readonly chunksAbreast: number;
  /** What that saves, for each of {@link sharedTokens}. */
  readonly sharedTokenMs: number;
}

/** SmolLM2-135M in 8-bit blocks on 2 cores of a Zen 4 machine, from the passes that `bench engine` measured there. */
export const twoCores: LinearCost = {
  baseMs: 6,
  decodeMs: 1,
  decodeContextMs: 0.0026,
  prefillTokenMs: 0.87,
  prefillPairMs: 0.0008,
  chunkMs: 0,
  chunksAbreast: 1,
  sharedTokenMs: 0,
};

export function linearMachine(cost: LinearCost, source: string): Machine {
  return {
    name: 'cpu',
    source,
    passMs: (work) => linearPassMs(cost, work),
    slotsMax: 32,
    contextTokens: 2048,
    kvTokensMax: 32 * 2048,
    chunksMax: 2,
    chunksAbreast: cost.chunksAbreast,
    tokenBudget: { strict: 128, relaxed: 512 },
  };
}

/**
 * The same machine, whose passes take longer or shorter by chance; the same chance for the same seed. Each call of
 * `passMs` is another draw, so a trial needs one of its own.
 * @param ratios of real passes: what they took over what was predicted; none are drawn from where it is empty.
 */
export function withNoise(machine: Machine, ratios: readonly number[], seed: number): Machine {
  if (ratios.length === 0) return machine;
  const rng = seededRng(seed);
  return { ...machine, passMs: (work) => machine.passMs(work) * ratios[rng.below(ratios.length)]! };
}

export function linearPassMs(cost: LinearCost, work: StepWork): number {
  return (
    cost.baseMs +
    cost.decodeMs * work.decodes +
    cost.decodeContextMs * work.decodeContext +
    cost.prefillTokenMs * work.prefillTokens +
    cost.prefillPairMs * work.prefillPairs +
    cost.chunkMs * work.chunks -
    cost.sharedTokenMs * sharedTokens(work, cost.chunksAbreast)
  );
}

/**
 * Yi-34B over two A100 of 80 GB, from the tables in the repository of Sarathi-Serve (osdi-experiments; OSDI 2024):
 * decodes by batch, and prompts, through which goes a + b·tokens + c·tokens². On a GPU the weights are read once for a
 * pass, and decodes hide behind a prompt's arithmetic, so a pass takes the longer of the two.
 */
const decodeRows = [1, 4, 8, 16, 32, 64, 128];
const decodeRowsMs = [46.8, 48.8, 69.7, 77.3, 87.9, 127.8, 189.3];
const prompt = { baseMs: 22, tokenMs: 0.165, pairMs: 1.3e-5 };

export const a100: Machine = {
  name: 'a100',
  source: "Yi-34B on 2 × A100 80 GB, TP2: iteration times in the repository of Sarathi-Serve's paper (OSDI 2024)",
  passMs: (work) => gpuPassMs(work, 1, 1),
  slotsMax: 128,
  contextTokens: 8192,
  // 2 × 80 GB × 0.9 less 68 GB of weights, by 60 layers × 8 heads × 128 × 2 × 2 bytes a token.
  kvTokensMax: 300_000,
  chunksMax: 128,
  tokenBudget: { strict: 512, relaxed: 2048 },
  objectives: { strictMs: 200, relaxedMs: 1000 },
};

/** The data sheets' ratios of H100 SXM to A100 80 GB SXM: dense bf16 989 to 312 TFLOPS, memory 3,350 to 2,039 GB/s. */
const FLOPS_RATIO = 989 / 312;
const BANDWIDTH_RATIO = 3350 / 2039;

export const h100: Machine = {
  ...a100,
  name: 'h100',
  source:
    "projected, not measured: a100's figures by the data sheets' ratios of H100 SXM to A100 SXM, arithmetic 3.17, memory 1.64",
  passMs: (work) => gpuPassMs(work, FLOPS_RATIO, BANDWIDTH_RATIO),
};

function gpuPassMs(work: StepWork, flopsRatio: number, bandwidthRatio: number): number {
  const tokens = work.decodes + work.prefillTokens;
  const arithmeticMs = (prompt.baseMs + prompt.tokenMs * tokens + prompt.pairMs * work.prefillPairs) / flopsRatio;
  const memoryMs = work.decodes === 0 ? 0 : interpolate(work.decodes) / bandwidthRatio;
  return Math.max(work.prefillTokens === 0 ? 0 : arithmeticMs, memoryMs);
}

/** Milliseconds of so many decodes; beyond the table it goes on as it ended. */
function interpolate(rows: number): number {
  const next = decodeRows.findIndex((known) => known >= rows);
  const high = next < 0 ? decodeRows.length - 1 : Math.max(1, next);
  const [x0, x1, y0, y1] = [decodeRows[high - 1]!, decodeRows[high]!, decodeRowsMs[high - 1]!, decodeRowsMs[high]!];
  return y0 + ((y1 - y0) * (rows - x0)) / (x1 - x0);
}

/** Milliseconds between two tokens: what the machine says, or 5 and 25 times a decode of 32 rows in mid-context. */
export function objectivesOf(machine: Machine): { readonly strictMs: number; readonly relaxedMs: number } {
  if (machine.objectives !== undefined) return machine.objectives;
  let work = noWork;
  for (let row = 0; row < 32; row++) work = withDecode(work, machine.contextTokens / 2);
  const iterationMs = machine.passMs(work);
  return { strictMs: 5 * iterationMs, relaxedMs: 25 * iterationMs };
}

/** Milliseconds of a prompt alone in the machine, in one pass. */
export function promptAloneMs(machine: Machine, tokens: number): number {
  return machine.passMs(withChunk(noWork, 0, tokens));
}
