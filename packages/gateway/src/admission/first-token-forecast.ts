import type { Clock } from '@sluice/shared';
import type { RoutingRequest, WorkerView } from '../routing/policy.js';
import { requestsAhead, tokensAhead } from '../routing/worker-load.js';
import { AnswerLengths } from './answer-lengths.js';
import type { Ahead } from './fair-queue.js';
import { WorkerPaces } from './worker-paces.js';

/** A request as a forecast sees it. */
export interface ForecastRequest extends Pick<RoutingRequest, 'promptTokens' | 'cachedTokens'> {
  readonly model: string;
  /** Whose answers it is like. */
  readonly client: string;
  /** Of its answer; 0: any number. */
  readonly tokensMax: number;
}

/** What is known of an answer while it comes. */
export interface AnswerRecord {
  readonly generatedTokens: number;
  readonly finish: string | undefined;
}

export interface Forecast {
  readonly ms: number;
  /** Whether it is a slot that is waited for. */
  readonly waitsForSlot: boolean;
}

interface UnderWay {
  readonly request: ForecastRequest;
  readonly record: AnswerRecord;
}

/** Prompt tokens a second where a worker has measured none. */
const RATE_UNKNOWN = 1_000;
/** Prompt tokens that a step computes beside decodes; every step of a prompt carries all decodes along. */
const CHUNK_TOKENS = 128;
/** What is usual is a mean over about so many requests. */
const USUAL_REQUESTS = 64;
const MODELS_MAX = 1_024;
/** What is left of the answers under way is counted anew after so many milliseconds. */
const COUNT_MS = 50;

/**
 * When a request's first token is likely to come: prompts in front of it and its own, and the slots that it has to wait for,
 * which become free as the answers under way end. It knows what this gateway has sent; what others have is in the loads,
 * and taken to be alike.
 */
export class FirstTokenForecast {
  readonly #clock: Clock;
  readonly #lengths = new AnswerLengths();
  readonly #paces = new WorkerPaces();
  readonly #underWay = new Set<UnderWay>();
  /** Tokens of an answer, as expected of those that began lately; by model. */
  readonly #usualTokens = new Map<string, number>();
  /** By model, ascending. */
  #left = new Map<string, Float64Array>();
  #countedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It has been sent to a worker. @returns to be called once, when it is over. */
  begin(request: ForecastRequest, record: AnswerRecord): () => void {
    const one = { request, record };
    const { model, client, tokensMax } = request;
    const tokens = this.#lengths.expectedTokens(model, client, tokensMax);
    const usual = this.#usualTokens.get(model) ?? tokens;
    this.#usualTokens.set(model, usual + (tokens - usual) / USUAL_REQUESTS);
    while (this.#usualTokens.size > MODELS_MAX) this.#usualTokens.delete(this.#usualTokens.keys().next().value ?? '');
    this.#underWay.add(one);
    return () => {
      this.#underWay.delete(one);
      this.#lengths.learn(model, client, record.generatedTokens, record.finish === 'stop');
    };
  }

  /** @param views at least one. @param ahead of it among those that wait here. O(workers), but for a count now and then. */
  firstToken(views: readonly WorkerView[], ahead: Ahead, request: ForecastRequest): Forecast {
    this.#paces.observe(views);
    // Who waits here goes to whichever worker is the first to have room; who does not can choose.
    if (ahead.requests > 0) return this.#among(views, ahead, request);
    let soonest: Forecast | undefined;
    for (const view of views) {
      const forecast = this.#among([view], ahead, request);
      if (soonest === undefined || forecast.ms < soonest.ms) soonest = forecast;
    }
    return soonest!;
  }

  /** Milliseconds until workers have begun what is ahead; 0 where there are none. */
  drainMs(views: readonly WorkerView[], ahead: Ahead, model: string): number {
    if (views.length === 0) return 0;
    this.#paces.observe(views);
    const request = { model, client: '', tokensMax: 0, promptTokens: 0, cachedTokens: nothingCached };
    return this.#among(views, ahead, request).ms;
  }

  #among(views: readonly WorkerView[], ahead: Ahead, request: ForecastRequest): Forecast {
    const { model, client, tokensMax, promptTokens, cachedTokens } = request;
    const answerTokens = Math.max(
      1,
      this.#usualTokens.get(model) ?? this.#lengths.expectedTokens(model, client, tokensMax),
    );
    const usual = {
      promptTokens: ahead.requests > 0 ? ahead.tokens / ahead.requests : promptTokens,
      answerTokens,
    };
    const fleet = { slots: 0, running: 0, waiting: 0, rate: 0, tokens: 0, pace: 0, stepMs: 0, cached: 0 };
    for (const view of views) {
      const { load } = view;
      const slots = slotsOf(view, usual.promptTokens + answerTokens);
      fleet.slots += slots;
      fleet.running += load.running;
      fleet.waiting += requestsAhead(view) - load.running;
      fleet.rate += load.prefillTokensPerSecond || RATE_UNKNOWN;
      fleet.tokens += tokensAhead(view);
      fleet.pace += slots / this.#paces.fullMs(view, usual);
      fleet.stepMs += load.running > 0 ? load.stepMs : 0;
      fleet.cached = Math.max(fleet.cached, cachedTokens.get(view.id) ?? 0);
    }
    const ownTokens = Math.max(1, promptTokens - fleet.cached);
    const share = 1 + Math.min(fleet.slots, fleet.running + fleet.waiting) / views.length / CHUNK_TOKENS;
    const stepMs = fleet.stepMs / views.length;
    const promptsMs = ((fleet.tokens + ahead.tokens + ownTokens * views.length) * 1000 * share) / fleet.rate;
    const slotsShort = ahead.requests + fleet.waiting + fleet.running + 1 - fleet.slots;
    if (slotsShort <= 0) return { ms: stepMs + promptsMs, waitsForSlot: false };
    // Tokens that a stream gains until so many slots have become free: round after round of all slots.
    const left = this.#leftOf(model);
    const rounds = Math.floor((slotsShort - 1) / fleet.slots);
    const rank = (((slotsShort - 1) % fleet.slots) + 1) / fleet.slots;
    const slotMs = ((quantile(left, rank, answerTokens) + rounds * answerTokens) * fleet.slots) / fleet.pace;
    const ownMs = ((fleet.tokens + ownTokens * views.length) * 1000 * share) / fleet.rate;
    return { ms: stepMs + Math.max(promptsMs, slotMs + ownMs), waitsForSlot: true };
  }

  /** Tokens that are left of the answers to come from a model's workers, ascending. */
  #leftOf(model: string): Float64Array {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#countedMs >= COUNT_MS) {
      this.#countedMs = nowMs;
      const left = new Map<string, number[]>();
      for (const { request, record } of this.#underWay) {
        const tokensMax = request.tokensMax === 0 ? 0 : Math.max(1, request.tokensMax - record.generatedTokens);
        const tokens = this.#lengths.expectedTokens(request.model, request.client, tokensMax);
        const ofModel = left.get(request.model);
        if (ofModel === undefined) left.set(request.model, [tokens]);
        else ofModel.push(tokens);
      }
      this.#left = new Map([...left].map(([name, tokens]) => [name, Float64Array.from(tokens).sort()]));
    }
    return this.#left.get(model) ?? nothingLeft;
  }
}

const nothingCached: ReadonlyMap<string, number> = new Map();
const nothingLeft = new Float64Array(0);

/** That can run at once: where memory is short, as many as it holds. */
function slotsOf({ load }: WorkerView, requestTokens: number): number {
  if (load.kvTokensMax === 0) return Math.max(1, load.slotsMax);
  return Math.max(1, Math.min(load.slotsMax, Math.floor(load.kvTokensMax / Math.max(1, requestTokens))));
}

/** Where nothing is known they are taken to be evenly spread over their whole length. */
function quantile(ascending: Float64Array, rank: number, whole: number): number {
  if (ascending.length === 0) return rank * whole;
  return ascending[Math.min(ascending.length - 1, Math.ceil(rank * ascending.length) - 1)]!;
}
