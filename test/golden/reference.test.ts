import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openGguf } from '../../packages/worker/src/io/models/open-gguf.js';
import { architectureOf } from '../../packages/worker/src/model/architectures/architecture.js';
import { largestIndex, type ReferenceTensor, referenceLogits } from '../../packages/worker/src/model/reference.js';
import { defaultModelPath } from '../support/default-model.js';

interface GoldenPrompt {
  readonly text: string;
  readonly promptIds: readonly number[];
  readonly generatedIds: readonly number[];
  /** Of each generated position: the five likeliest, [id, log-probability]. */
  readonly top: readonly (readonly (readonly [number, number])[])[];
}

const modelPath = defaultModelPath();

describe.skipIf(modelPath === undefined)(
  'referenceLogits on the default model (skipped where it was not fetched)',
  () => {
    it('gives the log-probabilities of transformers within 0.001', { timeout: 120_000 }, async () => {
      const golden = JSON.parse(readFileSync(new URL('smollm2-135m.json', import.meta.url), 'utf8'));
      const prompts: readonly GoldenPrompt[] = golden.prompts;
      // The shortest prompts with a few generated tokens behind them: each token costs about 150 million operations.
      const chosen = prompts.filter(({ promptIds }) => promptIds.length <= 7).slice(0, 3);
      expect(chosen.length).toBe(3);
      const file = await openGguf(modelPath ?? '');
      const config = await architectureOf(file).readConfig(file);
      const weights = new Map<string, ReferenceTensor>();
      for (const [name, { shape }] of file.tensors) weights.set(name, { shape, data: await file.readTensor(name) });
      await file.close();
      for (const { promptIds, generatedIds, top } of chosen) {
        const logits = referenceLogits(weights, config, [...promptIds, ...generatedIds.slice(0, 2)]);
        for (let generated = 0; generated < 3; generated++) {
          const row = logits[promptIds.length - 1 + generated] ?? new Float32Array(0);
          expect(largestIndex(row)).toBe(generatedIds[generated]);
          const total = logSumExp(row);
          for (const [id, logprob] of top[generated] ?? []) {
            expect(Math.abs((row[id] ?? Number.NaN) - total - logprob)).toBeLessThan(0.001);
          }
        }
      }
    });
  },
);

function logSumExp(values: Float32Array): number {
  const largest = values[largestIndex(values)] ?? 0;
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}
