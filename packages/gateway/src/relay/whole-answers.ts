import type { GenerateEvent, TokenLogprob } from '@sluice/proto';
import { assert } from '@sluice/shared';
import type { AnswerPart, Ending, ToolCall, WholeChoice } from '../api/reply-format.js';
import type { Choice } from './choice.js';

/** The answers of a reply that is not streamed, as they come. */
export class WholeAnswers {
  readonly #samples: number;
  readonly #samplesDrawn: number;
  /** By number of the choice. */
  readonly #answers: WholeAnswer[] = [];

  /** @param sizes answers that are given to each prompt, and those drawn, of which they are the best. */
  constructor({ samples, samplesDrawn }: { readonly samples: number; readonly samplesDrawn: number }) {
    this.#samples = samples;
    this.#samplesDrawn = samplesDrawn;
  }

  open({ index }: Choice): WholeAnswer {
    const answer = new WholeAnswer();
    this.#answers[index] = answer;
    return answer;
  }

  /** Of each prompt those that its model finds likeliest, a token on average; only once all have ended. */
  best(): WholeChoice[] {
    if (this.#samples === this.#samplesDrawn) return this.#answers.map((answer) => answer.whole);
    const best: WholeChoice[] = [];
    for (let first = 0; first < this.#answers.length; first += this.#samplesDrawn) {
      const drawn = this.#answers.slice(first, first + this.#samplesDrawn);
      drawn.sort((a, b) => b.logprobMean - a.logprobMean);
      for (const answer of drawn.slice(0, this.#samples)) best.push(answer.whole);
    }
    return best;
  }
}

/** One answer that is read when it is over. */
export class WholeAnswer {
  ending: Ending | undefined;
  embedding: readonly number[] = [];
  #text = '';
  readonly #logprobs: TokenLogprob[] = [];
  #promptLogprobs: TokenLogprob[] = [];
  #isToldAnew = true;
  readonly #calls: ToolCall[] = [];

  addText(text: string, logprobs: readonly TokenLogprob[]): void {
    this.#text += text;
    for (const logprob of logprobs) this.#logprobs.push(logprob);
  }

  add(part: AnswerPart): void {
    switch (part.kind) {
      case 'text':
        this.addText(part.text, part.logprobs);
        break;
      case 'call':
        this.#calls[part.index] = { id: part.id, name: part.name, arguments: '' };
        break;
      case 'arguments': {
        const call = this.#calls[part.index];
        assert(call !== undefined, `arguments came for call ${part.index}, which has not begun`);
        this.#calls[part.index] = { ...call, arguments: call.arguments + part.text };
      }
    }
  }

  /** What a worker says of the prompt; another one says all of it again, or, behind tokens, nothing. */
  addPrompt({ accepted, promptReport }: Pick<GenerateEvent, 'accepted' | 'promptReport'>): void {
    if (accepted) this.#isToldAnew = true;
    if (!promptReport?.logprobs.length) return;
    if (this.#isToldAnew) this.#promptLogprobs = [];
    this.#isToldAnew = false;
    for (const logprob of promptReport.logprobs) this.#promptLogprobs.push(logprob);
  }

  get logprobMean(): number {
    const sum = this.#logprobs.reduce((total, { logprob }) => total + logprob, 0);
    return sum / Math.max(1, this.#logprobs.length);
  }

  get whole(): WholeChoice {
    assert(this.ending !== undefined, 'an answer was read before its end');
    return {
      text: this.#text,
      calls: this.#calls,
      logprobs: this.#logprobs,
      embedding: this.embedding,
      promptLogprobs: this.#promptLogprobs,
      ending: this.ending,
    };
  }
}
