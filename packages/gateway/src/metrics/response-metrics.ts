import { defaultResponseLimits, type ResponseUsage } from '@sluice/store';
import { Counter, type Registry } from 'prom-client';
import type { CountedResponses } from '../api/responses/counted-responses.js';
import { gaugesIn } from './gauge.js';

/**
 * What is kept of answers for their callers. Read when Prometheus asks.
 * @param isShared by all processes; else each keeps its own.
 */
export function registerResponses(registry: Registry, responses: CountedResponses, isShared: boolean): void {
  const registers = [registry];
  const gauge = gaugesIn(registers, isShared ? 'max' : 'sum');
  let last: ResponseUsage = { count: 0, bytes: 0 };
  const read = async (): Promise<ResponseUsage> => {
    last = (await responses.usage()) ?? last;
    return last;
  };
  const { countMax, bytesMax } = defaultResponseLimits;
  gauge('sluice_responses_kept', 'Responses that are kept for their callers, as last read.', async () => {
    return (await read()).count;
  });
  gauge('sluice_responses_kept_max', 'Responses that are kept at most; then the oldest go.', () => countMax);
  gauge('sluice_responses_kept_bytes', 'Bytes of those, as last read.', async () => (await read()).bytes);
  gauge('sluice_responses_kept_bytes_max', 'Bytes that are kept at most; then the oldest go.', () => bytesMax);
  const puts = new Counter({
    name: 'sluice_responses_total',
    help: 'Responses that were to be kept by what became of them (kept, too_large, unavailable: not there later).',
    labelNames: ['outcome'],
    registers,
    collect() {
      puts.reset();
      for (const [outcome, count] of responses.puts) puts.inc({ outcome }, count);
    },
  });
}
