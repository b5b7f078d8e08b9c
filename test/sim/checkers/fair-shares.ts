import type { History } from '../history.js';
import type { Scenario } from '../scenario.js';
import type { Checker } from './checker.js';

/** What a token is worth that goes in, and one that comes out. */
const PROMPT_PRICE = 1;
const OUTPUT_PRICE = 2;

/**
 * While two clients both have somebody waiting, what they are served differs by at most twice what one batch can hold, at
 * its dearest (Sheng et al., OSDI 2024, theorem 4.4).
 */
export const fairShares: Checker = (history, scenario) => {
  const violations: string[] = [];
  const mostApart = 2 * largestUnit(scenario);
  const served = new Map<string, number>();
  /** By pair: the least and the most of what the first was served more than the second, since both wait. */
  const apart = new Map<string, { least: number; most: number }>();
  for (const record of withBills(history, served)) {
    const waiting = [...new Set(record.waiting.map(({ client }) => client))].sort();
    const pairs = waiting.flatMap((a, index) => waiting.slice(index + 1).map((b) => [a, b] as const));
    const names = new Set(pairs.map((pair) => pair.join()));
    for (const name of apart.keys()) if (!names.has(name)) apart.delete(name);
    for (const [a, b] of pairs) {
      const more = (served.get(a) ?? 0) - (served.get(b) ?? 0);
      const range = apart.get(`${a},${b}`) ?? { least: more, most: more };
      range.least = Math.min(range.least, more);
      range.most = Math.max(range.most, more);
      apart.set(`${a},${b}`, range);
      const difference = range.most - range.least;
      if (difference > mostApart) {
        violations.push(`${a} and ${b} both wait, and are served ${difference} apart; at most ${mostApart} is fair`);
      }
    }
  }
  return violations;
};

/** The decisions in turn; what clients were served by then is kept up to date. */
function* withBills(history: History, served: Map<string, number>) {
  const clients = new Map<string, string>();
  const billed = new Set<string>();
  const bill = (id: string, price: number): void => {
    const client = clients.get(id) ?? '';
    served.set(client, (served.get(client) ?? 0) + price);
  };
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) {
      clients.set(record.request.id, record.request.terms?.client ?? '');
      billed.delete(record.request.id);
    }
    if (record.kind === 'events') {
      for (const { kind, id } of record.events) if (kind === 'token') bill(id, OUTPUT_PRICE);
    }
    if (record.kind !== 'decide') continue;
    yield record;
    const promptTokens = new Map([...record.running, ...record.waiting].map((one) => [one.id, one.promptTokens]));
    for (const { id } of record.chunks) {
      if (billed.has(id)) continue;
      billed.add(id);
      bill(id, promptTokens.get(id)! * PROMPT_PRICE);
    }
  }
}

/** What one batch can hold at its dearest. */
function largestUnit({ requests, limits, options }: Scenario): number {
  const promptTokens = Math.max(
    0,
    ...requests.map(({ request }) => Math.min(request.promptIds.length, limits.contextTokens)),
  );
  const outputTokens = Math.max(0, ...requests.map(({ request }) => request.tokensMax));
  const batch = limits.slotsMax * (PROMPT_PRICE * promptTokens + OUTPUT_PRICE * outputTokens);
  return Math.min(batch, OUTPUT_PRICE * options.kvTokensMax);
}
