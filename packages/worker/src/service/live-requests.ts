import type { GenerateRequest } from '@sluice/proto';
import { asServingError, BrokenAssertion, type Logger, ServingError, unreachable } from '@sluice/shared';
import type { EnginePort } from '../engine/engine-port.js';
import type { SequenceEvent } from '../engine/sequence.js';
import type { TokenGuide } from '../engine/token-guide.js';
import type { Outlet } from './delta-buffer.js';
import { type ParsedRequest, parseGenerateRequest } from './generate-request.js';
import { LiveRequest } from './live-request.js';
import { promptTokenIds, tokensToGenerate } from './prompt.js';
import { inRange, invalid } from './ranges.js';
import type { TextPort } from './text-port.js';

/**
 * Every request the worker has, over whichever stream it came: takes them to the engine, and the engine's steps back to
 * them. As many as the streams allow (ServiceLimits.requestsPerStreamMax); the engine bounds those it takes.
 */
export class LiveRequests {
  readonly #engine: EnginePort;
  readonly #text: TextPort;
  readonly #log: Logger;
  readonly #bySequenceId = new Map<string, LiveRequest>();
  readonly #touched = new Set<Outlet>();
  readonly #outletNames = new WeakMap<Outlet, number>();
  #startedCount = 0;

  constructor(engine: EnginePort, text: TextPort, log: Logger) {
    this.#engine = engine;
    this.#text = text;
    this.#log = log;
  }

  /** Requests in the engine. */
  get count(): number {
    return this.#bySequenceId.size;
  }

  /** Takes a request on its way. Whatever becomes of it comes out at `outlet`, a refusal included. */
  start(request: GenerateRequest, wireId: number, outlet: Outlet): LiveRequest {
    this.#startedCount += 1;
    const live = new LiveRequest(wireId, String(this.#startedCount), outlet, this.#text.tokenizer);
    this.#prepare(live, request).catch((thrown: unknown) => {
      const error = asServingError(thrown);
      if (error.row.fault === 'server')
        this.#log.error({ err: thrown, requestId: request.requestId }, 'request failed');
      if (this.#bySequenceId.delete(live.sequenceId)) this.#engine.cancel(live.sequenceId);
      live.fail(error);
      outlet.flush();
    });
    return live;
  }

  /** Answers a request that is not even looked at. */
  refuse(wireId: number, outlet: Outlet, error: ServingError): void {
    new LiveRequest(wireId, 'refused', outlet, this.#text.tokenizer).fail(error);
    outlet.flush();
  }

  /** The caller wants no more; the last delta still comes. */
  cancel(live: LiveRequest): void {
    if (live.isRunning) {
      this.#engine.cancel(live.sequenceId);
    } else {
      live.finish('cancelled', 0);
      live.outlet.flush();
    }
  }

  /** The caller is gone; nothing more comes. */
  drop(live: LiveRequest): void {
    live.abandon();
    if (this.#bySequenceId.delete(live.sequenceId)) this.#engine.cancel(live.sequenceId);
  }

  /** Ends every request with `draining`, which tells gateways to go on with it elsewhere, behind the tokens they have. */
  handOver(): void {
    const error = new ServingError('draining', 'the worker is going away; the request can go on at another one');
    for (const live of this.#bySequenceId.values()) {
      this.#engine.cancel(live.sequenceId);
      live.fail(error);
      this.#touched.add(live.outlet);
    }
    this.#bySequenceId.clear();
    this.#flush();
  }

  /** The engine's step listener: every event to its request, then one flush for each reader that gained something. */
  onStep(events: readonly SequenceEvent[]): void {
    for (const event of events) {
      const live = this.#bySequenceId.get(event.id);
      // Ended at a stop string, or dropped, while the pass that made this token ran.
      if (live === undefined) continue;
      this.#touched.add(live.outlet);
      try {
        this.#apply(event, live);
      } catch (failure) {
        this.#drop(live, failure);
      }
    }
    this.#flush();
  }

  /** What goes wrong with one request's text is no reason for the others to miss a token. */
  #drop(live: LiveRequest, failure: unknown): void {
    if (failure instanceof BrokenAssertion) throw failure;
    this.#log.error({ err: failure, sequence: live.sequenceId }, 'a request failed on its way out');
    if (this.#bySequenceId.delete(live.sequenceId)) this.#engine.cancel(live.sequenceId);
    live.fail(asServingError(failure));
  }

  #flush(): void {
    for (const outlet of this.#touched) outlet.flush();
    this.#touched.clear();
  }

  async #prepare(live: LiveRequest, request: GenerateRequest): Promise<void> {
    const parsed = parseGenerateRequest(request, this.#text.tokenizer);
    const { contextTokens } = this.#engine;
    const promptIds = await promptTokenIds(parsed.prompt, this.#text, contextTokens);
    if (live.hasEnded) return;
    const tokensMax = parsed.endsWithPrompt
      ? 0
      : tokensToGenerate(promptIds.length, parsed.tokensMax, contextTokens, parsed.prompt);
    inRange('generated_token_ids', parsed.generatedIds.length, 0, Math.max(0, tokensMax - 1));
    inRange('tokens_min', parsed.tokensMin, 0, tokensMax);
    const guide = await this.#guideOf(parsed);
    try {
      if (live.hasEnded) guide?.dispose();
      else this.#submit(live, parsed, promptIds, tokensMax, guide);
    } catch (failure) {
      guide?.dispose();
      throw failure;
    }
    live.outlet.flush();
  }

  /** Behind what was generated elsewhere. */
  async #guideOf({ grammar, generatedIds, endsWithPrompt }: ParsedRequest): Promise<TokenGuide | undefined> {
    if (grammar === undefined || endsWithPrompt) return undefined;
    const { field } = grammar;
    if (this.#text.guideFor === undefined) throw invalid(field, `${field}: this worker holds texts to no form`);
    const guide = await this.#text.guideFor(grammar);
    const refused = generatedIds.findIndex((tokenId) => !guide.accept(tokenId));
    if (refused < 0 && !guide.isComplete) return guide;
    guide.dispose();
    const problem = refused < 0 ? 'hold the end of the text' : `do not follow ${field} from index ${refused} on`;
    throw invalid('generated_token_ids', `generated_token_ids ${problem}`);
  }

  #submit(
    live: LiveRequest,
    parsed: ParsedRequest,
    promptIds: readonly number[],
    tokensMax: number,
    guide: TokenGuide | undefined,
  ): void {
    const { generatedIds, sampling, stopTokenIds, logprobsTop, terms, tokensMin, promptWish, group } = parsed;
    const id = live.sequenceId;
    this.#bySequenceId.set(id, live);
    const refusal = this.#engine.submit({
      ...{ id, promptIds, generatedIds, tokensMax, sampling, stopTokenIds, logprobsTop, terms, tokensMin },
      ...(promptWish === undefined ? {} : { promptWish }),
      ...(guide === undefined ? {} : { guide }),
      ...(group === 0 ? {} : { group: `${this.#nameOf(live.outlet)}:${group}` }),
    });
    if (refusal !== undefined) throw refusal;
    live.accept(parsed, promptIds.length);
    this.#log.debug({ requestId: parsed.requestId, sequence: id, promptTokens: promptIds.length }, 'accepted');
  }

  /** Groups are unique where they came from. */
  #nameOf(outlet: Outlet): number {
    const name = this.#outletNames.get(outlet) ?? this.#startedCount;
    this.#outletNames.set(outlet, name);
    return name;
  }

  #apply(event: SequenceEvent, live: LiveRequest): void {
    switch (event.kind) {
      case 'prompt':
        live.prompt(event);
        return;
      case 'token':
        if (live.token(event)) {
          this.#bySequenceId.delete(event.id);
          this.#engine.cancel(event.id);
        }
        return;
      case 'finished':
        this.#bySequenceId.delete(event.id);
        live.finish(event.reason, event.completionTokens);
        return;
      case 'failed':
        this.#bySequenceId.delete(event.id);
        live.fail(event.error);
        return;
      default:
        unreachable(event);
    }
  }
}
