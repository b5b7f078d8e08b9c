import { describe, expect, it } from 'vitest';
import { fillInTokens } from './fill-in.js';

const metadataOf = (values: Record<string, number>) => ({ optionalNumber: (key: string) => values[key] });

describe('fillInTokens', () => {
  it('takes the tokens that the file names', () => {
    const metadata = metadataOf({
      'tokenizer.ggml.fim_pre_token_id': 2,
      'tokenizer.ggml.suffix_token_id': 0,
      'tokenizer.ggml.fim_mid_token_id': 1,
    });
    expect(fillInTokens(['a', 'b', 'c'], metadata)).toEqual({ prefixTokenId: 2, suffixTokenId: 0, middleTokenId: 1 });
  });

  it('finds those that are spelt like them', () => {
    const tokens = ['a', '<fim_middle>', '<fim_prefix>', '<fim_suffix>'];
    expect(fillInTokens(tokens, metadataOf({}))).toEqual({ prefixTokenId: 2, suffixTokenId: 3, middleTokenId: 1 });
  });

  it('finds nothing where one is missing, or names no token of the vocabulary', () => {
    expect(fillInTokens(['<fim_prefix>', '<fim_suffix>', '<|fim_middle|>'])).toBeUndefined();
    const metadata = metadataOf({
      'tokenizer.ggml.fim_pre_token_id': 0,
      'tokenizer.ggml.fim_suf_token_id': 1,
      'tokenizer.ggml.fim_mid_token_id': 2,
    });
    expect(fillInTokens(['a', 'b'], metadata)).toBeUndefined();
  });
});
