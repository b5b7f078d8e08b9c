import type { Finished } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';
import type { Usage } from '../api/reply-format.js';
import type { HttpReply } from '../http/http-reply.js';
import type { Choice } from './choice.js';

/** Whoever works at one choice of a reply. */
export interface GatheringMember {
  /** Ends what has not ended by itself, with an error that the client sees. */
  abort(error: ServingError): void;
  /** The connection to the client is gone. */
  onClientGone(): void;
  /** The reply is over without this choice: nothing more is wanted of it. */
  stop(): void;
}

/**
 * The choices of one reply. It ends with the last of them, and fails, once, with the first that fails; what is still
 * under way then is stopped. Nothing here is called for a token.
 */
export class Gathering {
  readonly #reply: HttpReply;
  readonly #members: GatheringMember[] = [];
  /** By number of the prompt. */
  readonly #promptTokens: number[] = [];
  readonly #cachedTokens: number[] = [];
  #completionTokens = 0;
  #onEnd: () => void = () => {};
  #choicesLeft: number;
  #isOver = false;

  /** @param choices how many there are. */
  constructor(choices: number, reply: HttpReply) {
    this.#choicesLeft = choices;
    this.#reply = reply;
  }

  join(member: GatheringMember): void {
    this.#members.push(member);
  }

  /** Calls back whenever a choice is whole and others are not. */
  onEnd(callback: () => void): void {
    this.#onEnd = callback;
  }

  /** Whether the reply has ended, failed or lost its client. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** A prompt counts once, whatever number of answers it gets; what was cached of it, as the first of them found it. */
  get usage(): Usage {
    return {
      promptTokens: sum(this.#promptTokens),
      completionTokens: this.#completionTokens,
      cachedTokens: sum(this.#cachedTokens),
    };
  }

  promptTokensOf({ promptIndex }: Choice): number {
    return this.#promptTokens[promptIndex] ?? 0;
  }

  /** A worker has counted the prompt of a choice. */
  accept({ promptIndex }: Choice, promptTokens: number): void {
    this.#promptTokens[promptIndex] = promptTokens;
    this.#reply.record.promptTokens = sum(this.#promptTokens);
  }

  /** A choice is whole. @returns whether it was the last, so that the reply is to be ended. */
  end({ promptIndex }: Choice, { promptTokens, completionTokens, cachedTokens }: Finished): boolean {
    this.#promptTokens[promptIndex] = promptTokens;
    // Choices that took the prompt over from another one had all of it.
    this.#cachedTokens[promptIndex] = Math.min(this.#cachedTokens[promptIndex] ?? cachedTokens, cachedTokens);
    this.#completionTokens += completionTokens;
    this.#choicesLeft -= 1;
    this.#isOver ||= this.#choicesLeft === 0;
    if (this.#choicesLeft > 0) this.#onEnd();
    return this.#choicesLeft === 0;
  }

  /** A choice has failed, or its client does not read. @returns whether the reply is to be ended because of it. */
  fail(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    for (const member of this.#members) member.stop();
    return true;
  }

  /** Ends the whole reply with an error that the client sees. */
  abort(error: ServingError): void {
    if (this.#isOver) return;
    for (const member of this.#members) member.abort(error);
  }

  /** The connection to the client is gone. */
  onClientGone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const member of this.#members) member.onClientGone();
  }

  /** Lets the client's connection end with this reply, where its head has not gone out. */
  endConnection(): void {
    this.#reply.setHeader('connection', 'close');
  }
}

/** Prompts that nothing is known of yet are holes. */
function sum(tokens: readonly number[]): number {
  return tokens.reduce((total, count) => total + count, 0);
}
