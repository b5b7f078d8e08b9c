import { cancelledSlots } from './cancelled-slots.js';
import { endsOnce } from './ends-once.js';
import { explainedErrors } from './explained-errors.js';
import { foundSilence } from './found-silence.js';
import { goesOnBehind } from './goes-on-behind.js';
import { goneClient } from './gone-client.js';
import { liveness } from './liveness.js';
import { noSilentEnd } from './no-silent-end.js';
import { nothingLeft } from './nothing-left.js';
import { oneWorkerEach } from './one-worker-each.js';
import { oracleAnswer } from './oracle-answer.js';
import { quotes } from './quotes.js';
import { rateLimits } from './rate-limits.js';
import { recovery } from './recovery.js';
import { secondChance } from './second-chance.js';
import type { SystemChecker } from './system-checker.js';
import { twoDeaths } from './two-deaths.js';

export const systemCheckers = {
  liveness,
  'ends-once': endsOnce,
  'oracle-answer': oracleAnswer,
  'no-silent-end': noSilentEnd,
  'explained-errors': explainedErrors,
  'one-worker-each': oneWorkerEach,
  'two-deaths': twoDeaths,
  'second-chance': secondChance,
  'goes-on-behind': goesOnBehind,
  'gone-client': goneClient,
  'cancelled-slots': cancelledSlots,
  'nothing-left': nothingLeft,
  'found-silence': foundSilence,
  quotes,
  'rate-limits': rateLimits,
  recovery,
} satisfies Record<string, SystemChecker>;

export type SystemCheckerName = keyof typeof systemCheckers;

export const systemCheckerNames = Object.keys(systemCheckers) as readonly SystemCheckerName[];
