import { defaultObjectives } from '../../../packages/worker/src/engine/sequence.js';
import type { Checker } from './checker.js';

/** A finished request's word on its objectives is what its tokens' times say. */
export const timeliness: Checker = (history, { requests, options }) => {
  const violations: string[] = [];
  const usual = options.objectives ?? defaultObjectives;
  const objectives = new Map(requests.map(({ request }) => [request, { ...usual, ...given(request.terms) }]));
  const live = new Map<string, { readonly ttftMs: number; readonly tbtMs: number; readonly timesMs: number[] }>();
  for (const record of history) {
    if (record.kind === 'submit' && record.refusal === undefined) {
      const { ttftMs, tbtMs } = objectives.get(record.request) ?? usual;
      live.set(record.request.id, { ttftMs, tbtMs, timesMs: [record.atMs] });
    }
    if (record.kind !== 'events') continue;
    for (const event of record.events) {
      const one = live.get(event.id);
      if (one === undefined) continue;
      if (event.kind === 'token') {
        one.timesMs.push(record.atMs);
        continue;
      }
      live.delete(event.id);
      if (event.kind !== 'finished') continue;
      const [firstGap, ...gaps] = one.timesMs.slice(1).map((atMs, index) => atMs - one.timesMs[index]!);
      const late = gaps.filter((gapMs) => gapMs > one.tbtMs).length;
      const truth = firstGap === undefined ? undefined : [firstGap <= one.ttftMs, late * 100 <= gaps.length];
      const said = event.timeliness && [event.timeliness.isTtftMet, event.timeliness.isTbtMet];
      if (`${said}` !== `${truth}`) violations.push(`${event.id} says of its objectives ${said}, and it is ${truth}`);
    }
  }
  return violations;
};

/** The objectives that a request brings itself. */
function given(terms: { readonly ttftMs: number | undefined; readonly tbtMs: number | undefined } | undefined) {
  return {
    ...(terms?.ttftMs === undefined ? {} : { ttftMs: terms.ttftMs }),
    ...(terms?.tbtMs === undefined ? {} : { tbtMs: terms.tbtMs }),
  };
}
