import { spanOf } from '../../../packages/worker/src/engine/step-plan.js';
import { holdersOf, type SequenceSnapshot } from '../history.js';
import type { Checker } from './checker.js';
import { withPasses } from './under-way.js';

/**
 * What the policy is told of passes side by side is what there is. Busy are those in passes, and while decodes run all
 * that stream or lie in the span of the decodes, where models have such; nobody else, so that between two steps of streams everybody who holds a
 * slot and is in no pass can go on.
 */
export const busySequences: Checker = (history, { limits }) => {
  const violations: string[] = [];
  for (const { record, underWay } of withPasses(history)) {
    if (record.kind !== 'decide' || record.beside === undefined) continue;
    const { executors, executorsFree, promptsUnderWay, busy, held } = record.beside;
    const inPass = new Set(underWay.flatMap(({ decodes, prompts }) => [...decodes, ...prompts]));
    const decoding = underWay.find(({ decodes }) => decodes.length > 0);
    const span = decoding && spanOf(decoding.plan, limits);
    const isBusy = ({ id, slot, computed, promptTokens }: SequenceSnapshot): boolean => {
      if (inPass.has(id)) return true;
      if (decoding === undefined) return false;
      return computed >= promptTokens || (span !== undefined && span.first <= slot! && slot! <= span.last);
    };
    const truth = holdersOf(record).filter(isBusy);
    const [said, is] = [busy, truth].map((some) => some.map(({ id }) => id).sort());
    if (`${said}` !== `${is}`) violations.push(`at ${record.atMs} busy are said to be ${said}, and they are ${is}`);
    const heldNow = truth.filter(({ id, computed, promptTokens }) => !inPass.has(id) && computed < promptTokens);
    if (`${held}` !== `${heldNow.map(({ id }) => id)}`)
      violations.push(`at ${record.atMs} held are said to be ${held}`);
    const free = underWay.reduce((sum, pass) => sum - (pass.executors ?? sum), executors);
    if (executorsFree !== free) violations.push(`${executorsFree} executors are said to be free, and ${free} are`);
    const prompts = underWay.flatMap((pass) => (pass.decodes.length === 0 ? pass.prompts : [])).length;
    if (promptsUnderWay !== prompts) violations.push(`${promptsUnderWay} prompts are said to be apart, not ${prompts}`);
  }
  return violations;
};
