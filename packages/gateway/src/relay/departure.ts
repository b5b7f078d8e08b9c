import type { AdmissionQueue, Newcomer } from '../admission/admission-queue.js';
import type { FirstTokenForecast } from '../admission/first-token-forecast.js';
import type { QueueTerms } from '../admission/queue-terms.js';
import type { Gathering } from './gathering.js';
import type { Passage } from './passage.js';

/** Of one reply, on their way at the same time: the others follow as these end, so that everybody else has room too. */
export const CHOICES_AT_ONCE = 64;

export interface DepartureParts {
  readonly queue: AdmissionQueue;
  readonly forecast: FirstTokenForecast;
  readonly gathering: Gathering;
  /** Of a choice that enters the queue now. */
  readonly termsNow: () => QueueTerms;
}

/**
 * Sends the choices of a reply to their workers, each as soon as one has room for it. As many as may be under way at once
 * enter the queue now, and another one whenever one of them has ended.
 * @returns to be called once, when the reply is over.
 */
export function depart(passages: readonly Passage[], parts: DepartureParts): () => void {
  const { queue, forecast, gathering, termsNow } = parts;
  const endForecasts: (() => void)[] = [];
  const newcomerOf = (passage: Passage): Newcomer => ({
    ...termsNow(),
    tokens: passage.promptTokens,
    start: () => {
      if (passage.start()) endForecasts.push(forecast.begin(passage.toForecast, passage.relay));
    },
    refuse: (error) => passage.relay.abort(error),
  });
  let entered = 0;
  const enterNext = (): void => {
    const passage = passages[entered];
    if (passage === undefined || gathering.isOver) return;
    const newcomer = newcomerOf(passage);
    entered += 1;
    passage.relay.waitIn(() => queue.leave(newcomer));
    const refusal = queue.enter(newcomer);
    if (refusal !== undefined) gathering.abort(refusal);
  };
  gathering.onEnd(enterNext);
  const atOnce = Math.min(passages.length, CHOICES_AT_ONCE);
  for (let choice = 0; choice < atOnce; choice++) enterNext();
  return () => {
    for (const end of endForecasts) end();
  };
}
