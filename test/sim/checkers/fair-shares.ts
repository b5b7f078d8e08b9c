import type { History } from '../history.js';
import type { Scenario } from '../scenario.js';
import type { Checker } from './checker.js';

/** What a token is worth that goes in, and one that comes out. */
const PROMPT_PRICE = 1;
const OUTPUT_PRICE = 2;
/** Of memory; whoever is in a batch has at least one. */
const BLOCK_TOKENS = 16;

/**
 * While two clients both have somebody waiting, what they are served differs by at most what a batch of the one and a batch
 * of the other come to, served to their ends (after Sheng et al., OSDI 2024, theorem 4.4).
 *
 * Why: whoever is let in was charged no more than the other at that moment. None of a client that was charged more comes
 * in, so it is served no more than what those of it that are in the batch still take: a price for each prompt and each
 * token that they can come to. So the one is ahead by at most its batch, and later the other by at most its own.
 *
 * The theorem has the tokens of the memory, at the price of output, in the place of the batch. That is a bound where all
 * in a batch have room to their ends. Here they take memory as they grow: one grows into what another gave back that has
 * ended or had to go, and the tokens of that one stay charged.
 */
export const fairShares: Checker = (history, scenario) => {
  const violations: string[] = [];
  const batches = largestBatches(scenario);
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
      const mostApart = (batches.get(a) ?? 0) + (batches.get(b) ?? 0);
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

/** By client: what the dearest of its requests come to that can be in a batch together. */
function largestBatches({ requests, limits, options }: Scenario): ReadonlyMap<string, number> {
  const prices = new Map<string, number[]>();
  for (const { request } of requests) {
    const client = request.terms?.client ?? '';
    const promptTokens = request.promptIds.length;
    const outputTokens = Math.max(0, Math.min(request.tokensMax, limits.contextTokens - promptTokens));
    const price = PROMPT_PRICE * promptTokens + OUTPUT_PRICE * outputTokens;
    prices.set(client, [...(prices.get(client) ?? []), price]);
  }
  const most = Math.min(limits.slotsMax, Math.floor(options.kvTokensMax / BLOCK_TOKENS));
  return new Map(
    Array.from(prices, ([client, all]) => {
      const dearest = all.sort((a, b) => b - a).slice(0, most);
      return [client, dearest.reduce((sum, price) => sum + price, 0)];
    }),
  );
}
