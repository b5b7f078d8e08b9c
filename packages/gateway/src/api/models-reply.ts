import type { ModelInfo } from '@sluice/proto';

/** Body of `GET /v1/models`. */
export function modelsBody(models: Iterable<ModelInfo>): string {
  return JSON.stringify({ object: 'list', data: [...models].map(modelObject) });
}

/** Body of `GET /v1/models/:id`. */
export function modelBody(model: ModelInfo): string {
  return JSON.stringify(modelObject(model));
}

function modelObject(model: ModelInfo) {
  return {
    id: model.name,
    object: 'model',
    created: model.createdSeconds,
    owned_by: 'sluice',
    // Beyond OpenAI's object, under the name that other engines give it.
    ...(model.contextTokens === 0 ? {} : { max_model_len: model.contextTokens }),
  };
}
