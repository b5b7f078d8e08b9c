import type { Accepted, Failed, Finished, GenerateEvent, TokenLogprob } from '@sluice/proto';
import type { ServingError } from '@sluice/shared';

/** `[token ids, text]`, and a third member where there is more to an event. */
type Line = readonly [tokenIds: number[], text: string, rest?: Rest];

interface Rest {
  readonly accepted?: Accepted | null;
  readonly logprobs?: readonly LogprobLine[];
  readonly finished?: Finished | null;
  readonly failed?: Failed;
}

/** Token id, its bytes in base64, and the logarithm; null: no number, since JSON has no infinity. */
type LogprobLine = readonly [tokenId: number, token: string, logprob: number | null, top: readonly LogprobLine[]];

/** An event that a worker sent, as one line; of its end only that the answer is finished. Called once a token. */
export function writeLine({ tokenIds, text, accepted, logprobs, finished }: GenerateEvent): string {
  const begin = `[[${tokenIds.length === 1 ? tokenIds[0] : tokenIds.join()}],${JSON.stringify(text)}`;
  if (!accepted && !finished && logprobs.length === 0) return `${begin}]\n`;
  const rest: Rest = {
    ...(accepted ? { accepted } : {}),
    ...(finished ? { finished } : {}),
    ...(logprobs.length === 0 ? {} : { logprobs: logprobs.map(logprobLine) }),
  };
  return `${begin},${JSON.stringify(rest)}]\n`;
}

/** How an answer failed, for good. */
export function writeFailure({ code, message, field = '' }: ServingError): string {
  const rest: Rest = { failed: { code, message, field } };
  return `[[],"",${JSON.stringify(rest)}]\n`;
}

/** The events of some lines. @throws SyntaxError or TypeError when they are not ours. */
export function readLines(lines: string): GenerateEvent[] {
  return lines.split('\n').filter(Boolean).map(readLine);
}

function readLine(line: string): GenerateEvent {
  const [tokenIds, text, rest] = JSON.parse(line) as Line;
  if (!Array.isArray(tokenIds) || typeof text !== 'string') throw new TypeError('not the line of an event');
  const { accepted = null, logprobs = [], finished = null, failed = null } = rest ?? {};
  return { accepted, tokenIds, text, logprobs: logprobs.map(readLogprob), promptReport: null, finished, failed };
}

function logprobLine({ tokenId, token, logprob, top }: TokenLogprob): LogprobLine {
  const finite = Number.isFinite(logprob) ? logprob : null;
  return [tokenId, Buffer.from(token).toString('base64'), finite, top.map(logprobLine)];
}

function readLogprob([tokenId, token, logprob, top]: LogprobLine): TokenLogprob {
  return {
    tokenId,
    token: Buffer.from(token, 'base64'),
    logprob: logprob ?? Number.NEGATIVE_INFINITY,
    top: top.map(readLogprob),
  };
}
