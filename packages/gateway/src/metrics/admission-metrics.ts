import { Counter, Gauge, type Registry } from 'prom-client';
import type { Quotes } from '../admission/quotes.js';
import { gaugesIn } from './gauge.js';

interface Admitting {
  readonly queue: { readonly requests: number; readonly tokens: number };
  readonly quotes: Quotes;
}

/** What waits for workers, and how quotes of the first-token time fared. Read when Prometheus asks. */
export function registerAdmission(registry: Registry, { queue, quotes }: Admitting): void {
  const registers = [registry];
  const gauge = gaugesIn(registers);
  gauge('sluice_gateway_waiting_requests', 'Requests that no worker could begin soon.', () => queue.requests);
  gauge('sluice_gateway_waiting_tokens', 'Tokens of their prompts, estimated.', () => queue.tokens);
  const margins = new Gauge({
    name: 'sluice_gateway_quote_margin_ratio',
    help: 'Quoted over predicted time to the first token, learnt so that 95 in 100 hold, by what is waited for (slot, prompts).',
    labelNames: ['waits_for'],
    registers,
    collect() {
      margins.set({ waits_for: 'slot' }, quotes.marginRatio(true));
      margins.set({ waits_for: 'prompts' }, quotes.marginRatio(false));
    },
  });
  const counter = new Counter({
    name: 'sluice_gateway_quotes_total',
    help: 'Quotes of the first-token time by what became of them (held, broken).',
    labelNames: ['outcome'],
    registers,
    collect() {
      counter.reset();
      counter.inc({ outcome: 'held' }, quotes.held);
      counter.inc({ outcome: 'broken' }, quotes.broken);
    },
  });
}
