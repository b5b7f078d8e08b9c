import type { DecideEntry, History, HistoryRecord, PassEntry } from '../history.js';

/** A pass that runs, and the sequences that it has. */
export interface PassUnderWay extends Pick<PassEntry, 'pass' | 'plan' | 'executors'> {
  readonly decodes: readonly string[];
  readonly prompts: readonly string[];
}

/** Every record with the passes that were under way when it was made, by their beginnings. */
export function* withPasses(
  history: History,
): Generator<{ readonly record: HistoryRecord; readonly underWay: readonly PassUnderWay[] }> {
  let underWay: readonly PassUnderWay[] = [];
  /** A pass is recorded right behind the decision that it was made of. */
  let decided: DecideEntry | undefined;
  for (const record of history) {
    yield { record, underWay };
    if (record.kind === 'decide') decided = record;
    if (record.kind === 'pass') {
      const { pass, plan, executors } = record;
      const { decodes, chunks } = decided!;
      underWay = [...underWay, { pass, plan, executors, decodes, prompts: chunks.map(({ id }) => id) }];
    }
    if (record.kind === 'pass-end') underWay = underWay.filter(({ pass }) => pass !== record.pass);
  }
}
