/** Tokens between which a model that fills in the middle expects what is in front and what is behind. */
export interface FillInTokens {
  readonly prefixTokenId: number;
  readonly suffixTokenId: number;
  readonly middleTokenId: number;
}

/** What a GGUF file says of its tokens; its own reader does. */
interface Metadata {
  optionalNumber(key: string): number | undefined;
}

const parts = ['prefix', 'suffix', 'middle'] as const;
type Part = (typeof parts)[number];

/** `tokenizer.ggml.…`: as llama.cpp writes them now, and as it did until 2024. */
const keys: Readonly<Record<Part, readonly string[]>> = {
  prefix: ['fim_pre_token_id', 'prefix_token_id'],
  suffix: ['fim_suf_token_id', 'suffix_token_id'],
  middle: ['fim_mid_token_id', 'middle_token_id'],
};

/** Of the model families that are in use; one of them names all three or none. */
const spellings: readonly Readonly<Record<Part, string>>[] = [
  { prefix: '<|fim_prefix|>', suffix: '<|fim_suffix|>', middle: '<|fim_middle|>' },
  { prefix: '<fim_prefix>', suffix: '<fim_suffix>', middle: '<fim_middle>' },
  { prefix: '<fim-prefix>', suffix: '<fim-suffix>', middle: '<fim-middle>' },
  { prefix: '<|code_prefix|>', suffix: '<|code_suffix|>', middle: '<|code_middle|>' },
  { prefix: '<｜fim▁begin｜>', suffix: '<｜fim▁hole｜>', middle: '<｜fim▁end｜>' },
  { prefix: '▁<PRE>', suffix: '▁<SUF>', middle: '▁<MID>' },
  { prefix: '<PRE>', suffix: '<SUF>', middle: '<MID>' },
];

/**
 * The tokens that the file names, else those of its vocabulary that are spelt like them; undefined where the model has not
 * all three.
 * @param tokens spelling of each token, by id.
 */
export function fillInTokens(tokens: readonly string[], metadata?: Metadata): FillInTokens | undefined {
  const named = idsOf((part) => {
    for (const key of keys[part]) {
      const id = metadata?.optionalNumber(`tokenizer.ggml.${key}`);
      if (id !== undefined && Number.isInteger(id) && id >= 0 && id < tokens.length) return id;
    }
    return undefined;
  });
  if (named !== undefined) return named;
  for (const spelling of spellings) {
    const spelt = idsOf((part) => {
      const id = tokens.indexOf(spelling[part]);
      return id < 0 ? undefined : id;
    });
    if (spelt !== undefined) return spelt;
  }
  return undefined;
}

function idsOf(idOf: (part: Part) => number | undefined): FillInTokens | undefined {
  const [prefix, suffix, middle] = parts.map(idOf);
  if (prefix === undefined || suffix === undefined || middle === undefined) return undefined;
  return { prefixTokenId: prefix, suffixTokenId: suffix, middleTokenId: middle };
}
