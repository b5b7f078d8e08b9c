import { answerAlone } from '../oracle.js';
import { smallText, VOCABULARY } from './small-text.js';
import { type AskedRequest, CONTEXT_TOKENS, stopTokensOf } from './system-scenario.js';

/** What a request gets from a fleet in which nothing else happens. */
export interface WholeAnswer {
  readonly tokenIds: readonly number[];
  readonly text: string;
  readonly finishReason: 'stop' | 'length';
}

const { tokenizer } = smallText();
const limits = {
  vocabularyCount: VOCABULARY,
  slotsMax: 1,
  contextTokens: CONTEXT_TOKENS,
  stepTokensMax: CONTEXT_TOKENS,
  chunksMax: 1,
  chunkBlockTokens: 4,
  decodeTokensMax: 1,
  wantedRowsMax: 1,
};

/** What of a request decides its answer. */
export type AskedQuestion = Pick<AskedRequest, 'promptIds' | 'tokensMax' | 'sampling' | 'stopStrings' | 'ignoreEnd'>;

export function wholeAnswer(request: AskedQuestion): WholeAnswer {
  const { promptIds, tokensMax, sampling, stopStrings } = request;
  const stopTokenIds = stopTokensOf(request);
  const sequence = { id: '', promptIds, tokensMax, sampling, stopTokenIds, logprobsTop: undefined };
  const { tokenIds, reason } = answerAlone(sequence, { limits });
  const detokenizer = tokenizer.detokenizer({ special: false, startsText: false });
  let text = '';
  for (const [index, tokenId] of tokenIds.entries()) {
    if (!tokenizer.endTokenIds.includes(tokenId)) text += detokenizer.push(tokenId);
    const isLast = index + 1 === tokenIds.length;
    if (isLast) text += detokenizer.flush();
    const stop = firstStop(text, stopStrings);
    if (stop !== undefined) {
      return { tokenIds: tokenIds.slice(0, index + 1), text: text.slice(0, stop), finishReason: 'stop' };
    }
  }
  return { tokenIds, text, finishReason: reason === 'stop' ? 'stop' : 'length' };
}

/** Where the first of them begins. */
function firstStop(text: string, stopStrings: readonly string[]): number | undefined {
  const places = stopStrings.map((stop) => text.indexOf(stop)).filter((place) => place !== -1);
  return places.length === 0 ? undefined : Math.min(...places);
}
