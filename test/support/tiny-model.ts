export { type TinyModel, type TinyModelOptions, tinyModel } from '../../packages/worker/src/model/tiny-model.js';
