import type { GenerateEvent, TokenLogprob } from '@sluice/proto';
import type { Prompt } from '../api/generation-call.js';
import type { ReplyWriter } from './reply-writer.js';

/**
 * Puts the prompt in front of an answer, together with what comes first of that. What workers say of its tokens is
 * passed on where log-probabilities are asked for.
 */
export function echoWriter(writer: ReplyWriter, prompt: Prompt, withLogprobs: boolean): ReplyWriter {
  let told: TokenLogprob[] = [];
  let isEchoed = false;
  const withPrompt = (event: GenerateEvent): GenerateEvent => {
    isEchoed = true;
    const text = prompt.kind === 'text' ? prompt.text : spelled(told);
    const [first, ...rest] = told;
    // Nothing is in front of the first token that could tell how likely it is.
    const logprobs = first === undefined ? [] : [{ ...first, logprob: Number.NaN, top: [] }, ...rest];
    const echoed = withLogprobs ? [...logprobs, ...event.logprobs] : event.logprobs;
    told = [];
    return { ...event, text: text + event.text, logprobs: echoed };
  };
  return {
    write: (event) => {
      if (isEchoed) return writer.write(event);
      // Another worker says all of it again.
      if (event.accepted) told = [];
      if (event.promptReport) for (const logprob of event.promptReport.logprobs) told.push(logprob);
      const hasBegun = event.tokenIds.length > 0 || event.finished;
      return writer.write(hasBegun ? withPrompt(event) : event);
    },
    fail: (error) => writer.fail(error),
  };
}

/** Tokens may be parts of characters, so bytes are put together first. */
function spelled(tokens: readonly TokenLogprob[]): string {
  return Buffer.concat(tokens.map(({ token }) => token)).toString('utf8');
}
