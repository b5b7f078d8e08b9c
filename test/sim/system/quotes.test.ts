import { describe, expect, it } from 'vitest';
import { allAt, atRate, type Crowd, crowdScenario } from './crowds.js';
import { runSystem } from './run-system.js';
import * as subject from './subject.js';
import { requestsOf } from './system-history.js';

// Quotes of the first-token time, by gateways and workers as they ship, in simulated time.

interface Case extends Crowd {
  /** Quotes at the beginning that do not count. */
  readonly learning: number;
  /** Half of the quotes are at most so many times what the first token took. */
  readonly medianRatioMax: number;
}

const alike = () => ({ prompt: 30, answer: 24 });
const mixed = (draw: () => number) => ({
  prompt: 2 + Math.floor(draw() * 40),
  answer: 1 + Math.floor(draw() ** 2 * 50),
});
const longAnswers = () => ({ prompt: 3, answer: 80 });
/** Enough for the first to have ended. */
const LATER_MS = 31_000;
const few = { seed: 5, gateways: 1, workers: 2 };

const cases: Readonly<Record<string, Case>> = {
  'in a flood on a fleet that has done nothing yet': {
    ...few,
    arrivalsMs: allAt(1_000, 200),
    drawLengths: alike,
    learning: 0,
    medianRatioMax: 2,
  },
  'in a flood of mixed lengths behind another': {
    ...few,
    arrivalsMs: [...allAt(1_000, 100), ...allAt(LATER_MS, 150)],
    drawLengths: mixed,
    learning: 100,
    medianRatioMax: 3.5,
  },
  'in a flood of long answers behind a steady load': {
    ...few,
    arrivalsMs: [...atRate(8, 1_000, 100, 9), ...allAt(LATER_MS, 100)],
    drawLengths: longAnswers,
    learning: 50,
    medianRatioMax: 4,
  },
  'under a steady load of mixed lengths': {
    ...few,
    arrivalsMs: atRate(7, 1_000, 300, 18),
    drawLengths: mixed,
    learning: 50,
    medianRatioMax: 3,
  },
  'under more than the fleet can do': {
    ...few,
    arrivalsMs: atRate(7, 1_000, 500, 50),
    drawLengths: mixed,
    learning: 100,
    medianRatioMax: 2,
  },
  'at two gateways that do not know of each other': {
    ...few,
    gateways: 2,
    arrivalsMs: atRate(7, 1_000, 400, 28),
    drawLengths: mixed,
    learning: 100,
    medianRatioMax: 3,
  },
};

describe('quotes of the first-token time', { timeout: 60_000 }, () => {
  it.each(Object.entries(cases))('hold and are of use %s', async (name, { learning, medianRatioMax, ...crowd }) => {
    const quotes = await quotesOf(crowd);
    const ratios = quotes
      .slice(learning)
      .map(({ quoteMs, actualMs }) => quoteMs / actualMs)
      .sort((a, b) => a - b);
    const heldRatio = ratios.filter((ratio) => ratio >= 1).length / ratios.length;
    const medianRatio = ratios[Math.floor(ratios.length / 2)]!;
    console.log(
      `${name}: ${(100 * heldRatio).toFixed(1)} % held, half at most ${medianRatio.toFixed(2)} times too long`,
    );
    expect(heldRatio).toBeGreaterThanOrEqual(0.95);
    expect(medianRatio).toBeLessThan(medianRatioMax);
  });
});

/** What was quoted and what it was, in the order of arrival; milliseconds. */
async function quotesOf(crowd: Crowd) {
  const scenario = crowdScenario(crowd, 60_000);
  const history = await runSystem(scenario, subject);
  return requestsOf(history, scenario).flatMap(({ request, records }) => {
    if (!scenario.requests.includes(request)) return [];
    const first = records.find(({ kind }) => kind === 'tokens');
    const answered = records.find((record) => record.kind === 'answered');
    const quoteMs = answered?.kind === 'answered' ? answered.answer.quoteMs : undefined;
    if (first === undefined || quoteMs === undefined) throw new Error(`${request.id} has no first token or no quote`);
    return [{ quoteMs, actualMs: first.atMs - request.atMs }];
  });
}
