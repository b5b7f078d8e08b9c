import { Counter, type Registry } from 'prom-client';
import type { StreamJournals } from '../streams/stream-journals.js';
import { gaugesIn } from './gauge.js';

/** How writing streams down goes. Read when Prometheus asks. */
export function registerJournals(registry: Registry, journals: StreamJournals): void {
  const registers = [registry];
  const gauge = gaugesIn(registers);
  gauge('sluice_gateway_journal_pending_units', 'Text of streams that waits to be written, in UTF-16 units.', () => {
    return journals.pendingUnits;
  });
  gauge('sluice_gateway_journal_pending_units_max', 'Text that may wait; more is not written.', () => {
    return journals.pendingUnitsMax;
  });
  const appends = new Counter({
    name: 'sluice_gateway_journal_appends_total',
    help: 'Appends to journals of streams by what became of them (written, unavailable, taken, gap, ended).',
    labelNames: ['outcome'],
    registers,
    collect() {
      appends.reset();
      for (const [outcome, count] of journals.appends) appends.inc({ outcome }, count);
    },
  });
  const resumes = new Counter({
    name: 'sluice_gateway_journal_finds_total',
    help: 'Streams that clients came back for: they had ended, went on here, or could not be given (refused).',
    labelNames: ['outcome'],
    registers,
    collect() {
      resumes.reset();
      for (const [outcome, count] of journals.finds) resumes.inc({ outcome }, count);
    },
  });
}
