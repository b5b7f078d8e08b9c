import type { TokenLogprob } from '@sluice/proto';
import { finiteLogprob, type ReplyHead, tokenText } from './reply-format.js';

/** vLLM's `prompt_logprobs`: for each token of the prompt what was likely there, by token id; the first has nothing. */
export function promptLogprobsField(
  { promptLogprobsTop: top }: Pick<ReplyHead, 'promptLogprobsTop'>,
  logprobs: readonly TokenLogprob[] = [],
) {
  if (top === undefined) return {};
  return { prompt_logprobs: logprobs.map((entry, index) => (index === 0 ? null : byTokenId(entry, top))) };
}

function byTokenId(entry: TokenLogprob, top: number) {
  const listed = entry.top.slice(0, top);
  const rankOf = ({ tokenId }: TokenLogprob): number | null => {
    const at = entry.top.findIndex((one) => one.tokenId === tokenId);
    // Of a token that is not among the likeliest only that much is known.
    return at < 0 ? null : at + 1;
  };
  return Object.fromEntries(
    [...listed, entry].map((one) => [
      `${one.tokenId}`,
      { logprob: finiteLogprob(one.logprob), rank: rankOf(one), decoded_token: tokenText(one.token) },
    ]),
  );
}
