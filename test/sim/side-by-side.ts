import { seededRng } from '@sluice/shared';
import type { PassCost, Scenario } from './scenario.js';

/** Drawn apart, so that seeds with passes one after the other stay what they are. */
const STREAM = 1_000_004;
/** Seeds in which passes may run side by side. */
const SHARE = 0.4;
/** Slots on top of those drawn: prompts go beside others only where there are several. */
const MORE_SLOTS = 3;

/**
 * The scenario on a model that can run passes side by side, in some seeds. In most of those, streams are held to so little
 * time between tokens that prompts are better computed beside them, and so much that they can be.
 */
export function withExecutors(scenario: Scenario): Scenario {
  const rng = seededRng(scenario.seed, STREAM);
  const has = (share: number): boolean => rng.next() < share;
  if (!has(SHARE)) return scenario;
  const executors = 2 + rng.below(3);
  const { limits, options, requests } = scenario;
  // A pass on one of them takes as long as one did: a machine so slow that passes look as if they hung shows nothing.
  const cost = slower(scenario.cost, 1 / executors);
  const streamsMs = cost.baseMs + 3 * cost.tokenMs;
  const tbtMs = (): number => Math.ceil(streamsMs * (1 + 4 * rng.next()));
  const objectives = { ttftMs: 1_000 + rng.below(10) * 1_000, tbtMs: tbtMs() };
  const isPressed = has(0.8);
  const isOwn = has(0.7);
  return {
    ...scenario,
    cost,
    executors,
    executorsOpenAtPass: has(0.7) ? 0 : 1 + rng.below(12),
    limits: {
      ...limits,
      slotsMax: limits.slotsMax + MORE_SLOTS,
      stepTokensMax: limits.stepTokensMax + MORE_SLOTS,
      wantedRowsMax: limits.wantedRowsMax + 8 * MORE_SLOTS,
      chunksAbreast: executors,
    },
    options: {
      ...options,
      tokenBudget: options.tokenBudget + MORE_SLOTS,
      kvTokensMax: options.kvTokensMax + (has(0.5) ? 0 : MORE_SLOTS * limits.contextTokens),
      ...(isPressed ? { objectives } : {}),
    },
    requests: requests.map(({ atMs, request }) => {
      const { terms } = request;
      if (terms?.tbtMs === undefined || !isPressed || !isOwn) return { atMs, request };
      return { atMs, request: { ...request, terms: { ...terms, tbtMs: tbtMs() } } };
    }),
  };
}

/** What passes take so many times as long. */
function slower({ baseMs, tokenMs, pairMs, jitterRatio }: PassCost, factor: number): PassCost {
  return { baseMs: baseMs * factor, tokenMs: tokenMs * factor, pairMs: pairMs * factor, jitterRatio };
}
