import { promptAloneMs } from '../simulate/machine.js';
import type { CapacitySettings } from './capacity-settings.js';
import type { CapacityTrialsResult } from './capacity-table.js';
import { HttpDoor, type HttpSubject } from './http-door.js';
import { runHttpTrial } from './http-trial.js';
import type { CapacityLoad } from './load.js';
import type { MeasuredMachine } from './measured-machine.js';
import { type SearchBounds, searchMeasured } from './measured-search.js';

export interface HttpCase {
  readonly subject: HttpSubject;
  readonly machine: MeasuredMachine['machine'];
  readonly settings: CapacitySettings;
  readonly load: CapacityLoad;
}

/** Trials of all servers get prompts of their own. */
let promptSeeds = 0;

/**
 * The capacity of a server, started for it and stopped after it.
 * @throws Error where it does not start or does not serve a request.
 */
export async function searchHttp(
  { subject, machine, settings, load }: HttpCase,
  bounds: Pick<SearchBounds, 'startPerSecond' | 'toBeatPerSecond' | 'endMs' | 'graceMs' | 'onTrial'>,
): Promise<CapacityTrialsResult> {
  const door = await HttpDoor.open(subject);
  try {
    const measured = await searchMeasured({ ...bounds, load, settings }, async (rate, isWhole) =>
      runHttpTrial(
        await door.client(),
        {
          tbtMs: load.tbtMs,
          promptSeed: settings.seed * 1_000 + promptSeeds++,
          promptAloneMs: (tokens) => promptAloneMs(machine, tokens),
          saysObjectives: subject.saysObjectives,
        },
        load.at(rate),
        rate,
        isWhole,
      ),
    );
    return {
      ...measured,
      subject: subject.subject.name,
      kind: 'capacity',
      trace: load.trace,
      objective: load.objective,
      tbtMs: load.tbtMs,
      tokenBudget: null,
      budgetsTried: [],
      simulatedPerSecond: null,
      simulatedDeviationRatio: null,
      stepErrorRatio: null,
      stepBiasRatio: null,
      steps: 0,
    };
  } finally {
    await door.stop();
  }
}
