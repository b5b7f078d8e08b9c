import type { ModelInfo } from '@sluice/proto';
import { ServingError } from '@sluice/shared';
import type { WorkerText } from '../workers/worker-text.js';
import type { GenerationCall, Prompt } from './generation-call.js';

/**
 * A call whose answers are to stand between its prompts and its suffix, with the prompts as models read them that fill in
 * the middle: the text in front, the text behind, then the answer, with control tokens between.
 * @param ask lets a worker of the model tokenize.
 * @throws (rejects) ServingError `unsupported_parameter` where the model does not fill in the middle.
 */
export async function withSuffix(
  call: GenerationCall,
  { name, fillIn }: Pick<ModelInfo, 'name' | 'fillIn'>,
  ask: <Reply>(question: (text: WorkerText) => Promise<Reply>) => Promise<Reply>,
): Promise<GenerationCall> {
  const { suffix, prompts } = call;
  if (suffix === undefined) return call;
  if (fillIn === null || fillIn.middleTokenId === 0) {
    const problem = `suffix: ${JSON.stringify(name)} is not known to fill in what stands in front of one`;
    throw new ServingError('unsupported_parameter', problem, { field: 'suffix' });
  }
  const { prefixTokenId, suffixTokenId, middleTokenId } = fillIn;
  const tokensOf = async (text: string): Promise<readonly number[]> =>
    (await ask((worker) => worker.tokenize({ text, withoutBegin: true }))).ids;
  const behind = await tokensOf(suffix);
  const filled = prompts.map(async (prompt): Promise<Prompt> => {
    if (prompt.kind === 'messages') return prompt;
    const front = prompt.kind === 'tokens' ? prompt.tokenIds : await tokensOf(prompt.text);
    return { kind: 'tokens', tokenIds: [prefixTokenId, ...front, suffixTokenId, ...behind, middleTokenId] };
  });
  return { ...call, prompts: await Promise.all(filled) };
}
