import { admissionOrder } from './admission-order.js';
import { blockConservation } from './block-conservation.js';
import { cancel } from './cancel.js';
import type { Checker } from './checker.js';
import { decodeGap } from './decode-gap.js';
import { failedPass } from './failed-pass.js';
import { liveness } from './liveness.js';
import { loadReport } from './load-report.js';
import { modelContract } from './model-contract.js';
import { oracleText } from './oracle-text.js';
import { preemptedFirst } from './preempted-first.js';
import { queueBound } from './queue-bound.js';
import { refusals } from './refusals.js';
import { slotConservation } from './slot-conservation.js';
import { stepBudget } from './step-budget.js';
import { streamOrder } from './stream-order.js';
import { timeliness } from './timeliness.js';

/** What holds under every policy. */
const always = {
  liveness,
  'model-contract': modelContract,
  'oracle-text': oracleText,
  'stream-order': streamOrder,
  'slot-conservation': slotConservation,
  'block-conservation': blockConservation,
  cancel,
  'failed-pass': failedPass,
  refusals,
  'queue-bound': queueBound,
  'load-report': loadReport,
  timeliness,
} satisfies Record<string, Checker>;

/** What a policy promises on top. */
const promises = {
  'step-budget': stepBudget,
  'decode-gap': decodeGap,
  'admission-order': admissionOrder,
  'preempted-first': preemptedFirst,
} satisfies Record<string, Checker>;

/** `determinism` compares two runs and so is no {@link Checker}; see check-seed.ts. */
export type CheckerName = keyof typeof always | keyof typeof promises | 'determinism';

export const checkers: Readonly<Record<string, Checker>> = { ...always, ...promises };
