import type { ModelInfo } from '@sluice/proto';
import { countOf, listOf, objectOf, parseObject, textOf } from './json-reading.js';

/** Of one upstream; those beyond are not served. */
const modelsMax = 256;

/**
 * Reads a reply of `GET /v1/models`. Names are the same in front of the gateway and behind it. What an upstream does not
 * say of a model is 0: then it is the upstream that checks a request against it.
 */
export function readModels(body: string): readonly ModelInfo[] {
  return listOf(parseObject(body)?.data)
    .slice(0, modelsMax)
    .flatMap((entry) => {
      const model = objectOf(entry);
      const name = textOf(model?.id);
      if (model === undefined || name === undefined || name.length > 512) return [];
      return [
        {
          name,
          architecture: '',
          // vLLM, SGLang and gateways of ours; llama.cpp.
          contextTokens: countOf(model.max_model_len) ?? countOf(objectOf(model.meta)?.n_ctx) ?? 0,
          vocabularyCount: 0,
          hasChatTemplate: true,
          endTokenIds: [],
          createdSeconds: countOf(model.created) ?? 0,
          weights: 'upstream',
          // It does not say.
          kernels: '',
          kv: '',
          // Calls come apart from the text, and are written into it this way.
          toolFormat: 'hermes',
          embeddingLength: 0,
          fillIn: null,
        },
      ];
    });
}
