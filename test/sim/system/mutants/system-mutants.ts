import type { SystemCheckerName } from '../checkers/system-checkers.js';

/** A bug that somebody could write in a gateway or in a worker's service, and the checker that must see it. */
export interface SystemMutant {
  readonly name: string;
  /** Under packages. */
  readonly file: string;
  /** There exactly once; a mutant whose text is gone fails its test and has to follow the code. */
  readonly find: string;
  readonly replace: string;
  readonly caughtBy: SystemCheckerName;
}

export const systemMutants: readonly SystemMutant[] = [
  {
    name: 'resume-repeats-the-last-token',
    file: 'gateway/src/relay/journal.ts',
    find: 'generatedTokenIds: [...this.#tokenIds], promptLogprobs',
    replace: 'generatedTokenIds: this.#tokenIds.slice(0, -1), promptLogprobs',
    caughtBy: 'goes-on-behind',
  },
  {
    name: 'relay-forgets-to-cancel',
    file: 'gateway/src/relay/relay.ts',
    find: "    this.#end('cancelled');\n    this.#leaveRoom();\n    this.#generation?.cancel();",
    replace: "    this.#end('cancelled');\n    this.#leaveRoom();",
    caughtBy: 'gone-client',
  },
  {
    name: 'gone-client-stays-in-the-room',
    file: 'gateway/src/relay/relay.ts',
    find: "    this.#end('cancelled');\n    this.#leaveRoom();",
    replace: "    this.#end('cancelled');",
    caughtBy: 'gone-client',
  },
  {
    name: 'third-worker-for-a-poisonous-request',
    file: 'gateway/src/relay/attempts.ts',
    find: 'else this.#deaths += 1;',
    replace: 'else this.#deaths += this.#count > 1 ? 1 : 0;',
    caughtBy: 'two-deaths',
  },
  {
    name: 'no-release-when-the-queue-is-full',
    file: 'gateway/src/admission/place.ts',
    find: '    release();\n  });',
    replace: '    if (reply.record.status !== 429) release();\n  });',
    caughtBy: 'nothing-left',
  },
  {
    name: 'gone-client-stays-in-the-queue',
    file: 'gateway/src/relay/departure.ts',
    find: '    passage.relay.waitIn(() => queue.leave(newcomer));\n',
    replace: '',
    caughtBy: 'gone-client',
  },
  {
    name: 'quote-not-settled',
    file: 'gateway/src/gateway.ts',
    find: 'if (firstTokenMs !== undefined) quote.settle(firstTokenMs);',
    replace: 'if (firstTokenMs !== undefined && firstTokenMs <= quote.ms) quote.settle(firstTokenMs);',
    caughtBy: 'quotes',
  },
  {
    name: 'started-twice-from-the-queue',
    file: 'gateway/src/admission/admission-queue.ts',
    find: 'line.shift(this.#parts.clock.nowMs())!.start();',
    replace: '{ const one = line.shift(this.#parts.clock.nowMs())!; one.start(); one.start(); }',
    caughtBy: 'one-worker-each',
  },
  {
    name: 'unreported-tokens-kept-at-the-end',
    file: 'gateway/src/workers/worker-connection.ts',
    find: '    this.#requests.delete(id);\n    this.#settle(live);',
    replace: '    this.#requests.delete(id);',
    caughtBy: 'nothing-left',
  },
  {
    name: 'unreported-tokens-kept-at-a-loss',
    file: 'gateway/src/workers/worker-connection.ts',
    find: '    this.#unreportedRequests = 0;\n    this.#unreportedTokens = 0;',
    replace: '    this.#unreportedRequests = 0;',
    caughtBy: 'nothing-left',
  },
  {
    name: 'orphans-are-not-told',
    file: 'gateway/src/workers/worker-connection.ts',
    find: 'for (const { listener } of orphans) listener.onLost(error);',
    replace: 'for (const { listener } of orphans.slice(1)) listener.onLost(error);',
    caughtBy: 'nothing-left',
  },
  {
    name: 'gap-in-frames-ignored',
    file: 'gateway/src/workers/worker-connection.ts',
    find: 'if (frame.frame !== this.#frame + 1) {',
    replace: 'if (frame.frame < this.#frame + 1) {',
    caughtBy: 'oracle-answer',
  },
  {
    name: 'frames-not-acknowledged',
    file: 'gateway/src/workers/worker-connection.ts',
    find: 'state.stream.send({ acknowledge: { frame: this.#frame } });',
    replace: '',
    caughtBy: 'explained-errors',
  },
  {
    name: 'silence-seen-once-is-not-enough',
    file: 'gateway/src/workers/worker-connection.ts',
    find: 'const nextMs = isSilent ? (isSecondLook ? silenceMs : silenceMs / 10) : silenceMs - silentMs;',
    replace: 'const nextMs = silenceMs;',
    caughtBy: 'found-silence',
  },
  {
    name: 'limits-are-not-held',
    file: 'gateway/src/auth/rate-limits.ts',
    find: "if (answer.kind === 'refused') throw limitError(answer.name, answer.retryAfterMs, claims);",
    replace: "if (answer.kind === 'refused') return nothing;",
    caughtBy: 'rate-limits',
  },
  {
    name: 'cancel-ends-at-the-service',
    file: 'worker/src/service/live-requests.ts',
    find: '    if (live.isRunning) {\n      this.#engine.cancel(live.sequenceId);',
    replace: '    if (live.isRunning) {',
    caughtBy: 'cancelled-slots',
  },
  {
    name: 'event-told-twice-over-a-resumption',
    file: 'gateway/src/streams/numbered-writer.ts',
    find: 'return position > has.position ?',
    replace: 'return position >= has.position ?',
    caughtBy: 'oracle-answer',
  },
  {
    name: 'event-lost-over-a-resumption',
    file: 'gateway/src/streams/numbered-writer.ts',
    find: 'position = Math.max(tokens, position + 1);',
    replace: 'position = Math.max(tokens, position + 1, has.position < 0 ? 0 : 2);',
    caughtBy: 'oracle-answer',
  },
  {
    name: 'tokens-made-again-are-numbered-anew',
    file: 'gateway/src/streams/aligned-generation.ts',
    find: 'if (tokens < this.#mark && this.#mark < tokens + event.tokenIds.length) {',
    replace: 'if (tokens < this.#mark) {',
    caughtBy: 'ends-once',
  },
  {
    name: 'circuit-never-closes',
    file: 'gateway/src/workers/circuit-breaker.ts',
    find: '    this.#openUntilMs = undefined;\n',
    replace: '',
    caughtBy: 'recovery',
  },
  {
    name: 'held-back-text-repeated-at-the-next-worker',
    file: 'worker/src/service/live-request.ts',
    find: 'for (const tokenId of request.generatedIds) replay(running, this.#textOf(tokenId, running));',
    replace: '',
    caughtBy: 'oracle-answer',
  },
  {
    name: 'done-twice',
    file: 'gateway/src/api/completion-reply.ts',
    find: "(head.includeUsage ? last : '') + doneEvent;",
    replace: "(head.includeUsage ? last : '') + doneEvent + doneEvent;",
    caughtBy: 'ends-once',
  },
  {
    name: 'error-in-a-stream-not-said',
    file: 'gateway/src/relay/reply-writer.ts',
    find: 'if (reply.isStarted) reply.endEvents(format.fail(error));',
    replace: "if (reply.isStarted) reply.endEvents('');",
    caughtBy: 'no-silent-end',
  },
  {
    name: 'reasons-of-workers-lost-on-the-way',
    file: 'gateway/src/api/worker-error.ts',
    find: "isErrorCode(failed.code) ? failed.code : 'internal'",
    replace: "'internal'",
    caughtBy: 'explained-errors',
  },
  {
    name: 'late-tokens-of-a-cancelled-request',
    file: 'gateway/src/workers/worker-connection.ts',
    find: 'if (live === undefined || event === null) continue;',
    replace: 'if (event === null) continue;',
    caughtBy: 'liveness',
  },
  {
    name: 'stream-of-an-upstream-told-twice',
    file: 'gateway/src/relay/relay.ts',
    find: 'if (this.#course?.journal.isBroken !== false && !this.#startOver()) {',
    replace: 'if (this.#course === undefined) {',
    caughtBy: 'oracle-answer',
  },
  {
    name: 'done-is-an-end-without-a-reason',
    file: 'gateway/src/upstreams/http-generation.ts',
    find: "      this.#end('the upstream ended its answer without a finish_reason');",
    replace: "      this.#finishReason ??= 'stop';\n      this.#end('');",
    caughtBy: 'oracle-answer',
  },
  {
    name: 'stalled-answer-of-an-upstream-not-ended',
    file: 'gateway/src/upstreams/http-worker.ts',
    find: 'if (isSilent && live.isSuspect) live.generation.onSilence(Math.round(nowMs - live.heardMs));',
    replace: '',
    caughtBy: 'ends-once',
  },
  {
    name: 'upstream-not-told-of-a-cancel',
    file: 'gateway/src/upstreams/http-worker.ts',
    find: '    if (live.isProbe) this.#circuit.release();\n    live.exchange?.abort();\n    this.#parts.onLoad();',
    replace: '    if (live.isProbe) this.#circuit.release();\n    this.#parts.onLoad();',
    caughtBy: 'cancelled-slots',
  },
  {
    name: 'answer-in-one-piece-not-begun-anew',
    file: 'gateway/src/relay/passage.ts',
    find: 'return this.#voyage.order.call.stream ? undefined : this.#openWriter();',
    replace: 'return undefined;',
    caughtBy: 'second-chance',
  },
];
