import type { TokenLogprob } from '@sluice/proto';
import type { AnswerPart } from '../api/reply-format.js';
import type { Order } from '../streams/order.js';
import type { Choice } from './choice.js';

/**
 * Reads calls of tools, and whatever else is no plain text, out of one answer as it comes. What it says follows from the
 * text alone, so that whoever reads the same text again, in other pieces, says the same.
 */
export interface AnswerParser {
  /** The parts that this text completes; it may hold back a bounded end. */
  write(text: string, logprobs: readonly TokenLogprob[]): readonly AnswerPart[];
  /** The text is over: the parts that were held back. */
  end(): readonly AnswerPart[];
  /** Whether a tool was called, which is then why the answer ended, where it did not end for want of room. */
  readonly hasCalls: boolean;
}

/** Undefined, for nearly all: the answer is its text. */
export function openParser(_order: Order, _choice: Choice): AnswerParser | undefined {
  return undefined;
}
