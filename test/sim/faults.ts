import { type Rng, seededRng } from '@sluice/shared';
import {
  greedySampling,
  OBJECTIVE_MS_MAX,
  type Priority,
  type SequenceRequest,
  type ServiceTerms,
} from '../../packages/worker/src/engine/sequence.js';
import type { Scenario } from './scenario.js';

/** What goes wrong with the machine. */
export interface Faults {
  /** The clock jumps ahead, as where a machine was suspended: what was due meanwhile comes late. */
  readonly jumps: readonly { readonly atMs: number; readonly ms: number }[];
  /** From then on passes take so many times as long. */
  readonly speeds: readonly { readonly atMs: number; readonly factor: number }[];
}

export const noFaults: Faults = { jumps: [], speeds: [] };

/** Drawn apart, so that everything else about a seed stays what it is. */
const STREAM = 2_000_000;
const JUMP_MS_MAX = 60_000;
const SPEED_FACTOR = 3;
const FLOOD = 1_000;

/** The scenario with what makes some seeds harder: each of it in few of them. */
export function withFaults(scenario: Scenario): Scenario {
  const rng = seededRng(scenario.seed, STREAM);
  const has = (share: number): boolean => rng.next() < share;
  const moment = (): number => rng.next() * ((scenario.requests.at(-1)?.atMs ?? 0) + 300);
  const jumps = has(0.1) ? [{ atMs: moment(), ms: 1 + rng.below(JUMP_MS_MAX) }] : [];
  const speeds = has(0.2) ? [{ atMs: moment(), factor: has(0.5) ? SPEED_FACTOR : 1 / SPEED_FACTOR }] : [];
  let { requests, cancels } = scenario;
  if (has(0.1)) requests = allAlike(requests, scenario);
  const isFlooded = has(0.04);
  if (has(0.15)) requests = requests.map(({ atMs, request }) => ({ atMs, request: hurriedOrPatient(request, rng) }));
  if (isFlooded) requests = flooded(requests, moment());
  if (has(0.1)) {
    const atMs = moment();
    cancels = [...cancels, ...requests.map(({ request }) => ({ atMs, id: request.id }))];
  }
  return { ...scenario, requests, cancels, faults: { jumps, speeds } };
}

/** Everybody asks the same: the longest prompt that may be asked. */
function allAlike(requests: Scenario['requests'], { limits }: Scenario): Scenario['requests'] {
  const isGood = ({ promptIds }: SequenceRequest): boolean =>
    promptIds.length > 0 && promptIds.length < limits.contextTokens;
  const good = requests.flatMap(({ request }) => (isGood(request) ? [request.promptIds] : []));
  const longest = good.reduce((a, b) => (b.length > a.length ? b : a), []);
  return requests.map(({ atMs, request }) => ({
    atMs,
    request: isGood(request) ? { ...request, promptIds: longest } : request,
  }));
}

/** Objectives that nobody can meet, and such that everybody meets. */
function hurriedOrPatient(request: SequenceRequest, rng: Rng): SequenceRequest {
  const objective = (): number => (rng.below(2) === 0 ? 1 : OBJECTIVE_MS_MAX);
  const { priority = 'normal', client = '' } = request.terms ?? {};
  return { ...request, terms: { priority, client, ttftMs: objective(), tbtMs: objective() } };
}

/** The requests at once, each late as soon as it comes, and behind them a thousand small ones that have time. */
function flooded(requests: Scenario['requests'], atMs: number): Scenario['requests'] {
  const hurried = requests.map(({ request }) => ({ ...request, terms: termsOf('high', '', 1) }));
  const patient = Array.from(
    { length: FLOOD },
    (_, index): SequenceRequest => ({
      id: `f${index}`,
      promptIds: [index % 5, index % 3],
      tokensMax: 1,
      sampling: greedySampling,
      stopTokenIds: new Set(),
      logprobsTop: undefined,
      terms: termsOf('normal', `client ${index % 3}`, OBJECTIVE_MS_MAX),
    }),
  );
  // A moment apart: who comes later shall be seen to.
  return [...hurried, ...patient].map((request, index) => ({ atMs: atMs + index / 1_000, request }));
}

function termsOf(priority: Priority, client: string, ttftMs: number): ServiceTerms {
  return { priority, client, ttftMs, tbtMs: undefined };
}
