import { ServingError } from '@sluice/shared';

/** How a byte-level BPE cuts a text into words before it merges inside them. */
export interface PreTokenizer {
  /** Regular expressions, applied one after the other; each match and each stretch between matches is a piece. */
  readonly splits: readonly string[];
  /** A word that is a token as a whole is taken as it is, without merging. */
  readonly ignoreMerges: boolean;
}

/**
 * The pre-tokenizer that a GGUF file names in `tokenizer.ggml.pre`. The names are llama.cpp's (src/llama-vocab.cpp), the
 * expressions those of the models' published tokenizer.json files.
 * @throws ServingError `model_unusable` for a name that is not in the table: a wrong cut gives plausible nonsense.
 */
export function preTokenizerNamed(name: string): PreTokenizer {
  const found = Object.hasOwn(preTokenizers, name) ? preTokenizers[name] : undefined;
  if (found) return found;
  throw new ServingError(
    'model_unusable',
    `the model's pre-tokenizer "${name}" (tokenizer.ggml.pre) is not one of ${Object.keys(preTokenizers).join(', ')}`,
  );
}

/** GPT-2's cut (openai/gpt-2, encoder.py), which a ByteLevel step makes by itself. */
export const gpt2Words = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const upper = '\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}';
const lower = '\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}';

const gpt2: PreTokenizer = { splits: [gpt2Words], ignoreMerges: false };
const singleDigits: PreTokenizer = { splits: ['\\p{N}', gpt2Words], ignoreMerges: false };
const llama3: PreTokenizer = { splits: [tiktokenWords('\\p{N}{1,3}')], ignoreMerges: true };
const qwen2: PreTokenizer = { splits: [tiktokenWords('\\p{N}')], ignoreMerges: false };
const dbrx: PreTokenizer = { ...llama3, ignoreMerges: false };
const tekken: PreTokenizer = { splits: [casedWords('', '\\p{N}')], ignoreMerges: true };
const gpt4o: PreTokenizer = { splits: [casedWords(`${contractions}?`, '\\p{N}{1,3}')], ignoreMerges: false };

const preTokenizers: Readonly<Record<string, PreTokenizer>> = {
  default: gpt2,
  'gpt-2': gpt2,
  mpt: gpt2,
  olmo: gpt2,
  'phi-2': gpt2,
  smollm: singleDigits,
  starcoder: singleDigits,
  refact: singleDigits,
  codeshell: singleDigits,
  'command-r': singleDigits,
  exaone: singleDigits,
  'llama-bpe': llama3,
  'llama-v3': llama3,
  llama3,
  falcon3: llama3,
  pixtral: tekken,
  tekken,
  qwen2,
  'deepseek-r1-qwen': qwen2,
  stablelm2: qwen2,
  megrez: qwen2,
  dbrx,
  'smaug-bpe': dbrx,
  glm4: dbrx,
  'chatglm-bpe': dbrx,
  'gpt-4o': gpt4o,
};

function tiktokenWords(digits: string): string {
  return `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
}

function casedWords(ending: string, digits: string): string {
  return (
    `[^\\r\\n\\p{L}\\p{N}]?[${upper}]*[${lower}]+${ending}|[^\\r\\n\\p{L}\\p{N}]?[${upper}]+[${lower}]*${ending}` +
    `|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
  );
}
