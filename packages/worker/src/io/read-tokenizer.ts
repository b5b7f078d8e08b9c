import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ServingError } from '@sluice/shared';
import type { GgufFile } from '../model/gguf/gguf-file.js';
import { readGgufTokenizer } from '../text/gguf-tokenizer.js';
import { readJsonTokenizer } from '../text/json-tokenizer.js';
import type { TokenizerDefinition } from '../text/tokenizer-definition.js';

/**
 * The file's own tokenizer; for a file without one, the tokenizer.json beside it. Not the other way round: that file may
 * belong to any model in the folder.
 * @throws ServingError 'model_unusable' where there is neither, or it cannot be read.
 */
export async function readTokenizer(file: GgufFile): Promise<TokenizerDefinition> {
  if (file.metadata.has('tokenizer.ggml.model')) return readGgufTokenizer(file.metadata);
  const beside = (name: string): Promise<unknown> => readJson(path.join(path.dirname(file.path), name));
  const json = await beside('tokenizer.json');
  if (json === undefined) {
    throw new ServingError('model_unusable', `${file.path} has no tokenizer, and there is no tokenizer.json beside it`);
  }
  return readJsonTokenizer(json, await beside('tokenizer_config.json'));
}

/** Undefined where there is no such file. */
async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServingError('model_unusable', `${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
