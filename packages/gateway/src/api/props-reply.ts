import type { ModelInfo } from '@sluice/proto';
import type { WorkerView } from '../routing/policy.js';

/**
 * Body of `GET /props`: what llama.cpp's server says of its model under the same names, and what else there is to know of
 * one. The defaults are those of the OpenAI endpoints.
 */
export function propsBody(model: ModelInfo, views: readonly WorkerView[], version: string): string {
  const { fillIn } = model;
  return JSON.stringify({
    default_generation_settings: {
      n_ctx: model.contextTokens,
      params: { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repeat_penalty: 1, n_predict: -1 },
    },
    total_slots: views.reduce((slots, { load }) => slots + load.slotsMax, 0),
    model_path: model.name,
    model_alias: model.name,
    modalities: { vision: false, audio: false },
    build_info: `sluice ${version}`,
    architecture: model.architecture,
    weights: model.weights,
    kernels: model.kernels,
    kv: model.kv,
    n_vocab: model.vocabularyCount,
    n_embd: model.embeddingLength,
    has_chat_template: model.hasChatTemplate,
    tool_format: model.toolFormat === '' ? null : model.toolFormat,
    end_token_ids: model.endTokenIds,
    fill_in: fillIn && {
      prefix_token_id: fillIn.prefixTokenId,
      suffix_token_id: fillIn.suffixTokenId,
      middle_token_id: fillIn.middleTokenId,
    },
  });
}
