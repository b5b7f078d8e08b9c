export {
  noWork,
  type StepCost,
  type StepWork,
  sharedTokens,
  withChunk,
  withDecode,
  workOf,
} from './engine/cost-model.js';
export { Engine, type EngineOptions, type EngineParts } from './engine/engine.js';
export type { EnginePort, StepListener } from './engine/engine-port.js';
export type { CopiedTokens, ModelLimits, ModelPort } from './engine/model-port.js';
export {
  createPolicy,
  defaultPolicy,
  type PolicyName,
  policyNames,
  wantsWholePrompts,
} from './engine/scheduler/policies.js';
export type { Decision, ObservedStep, Policy, QueueView, SequenceView } from './engine/scheduler/policy.js';
export {
  defaultObjectives,
  greedySampling,
  OBJECTIVE_MS_MAX,
  type SamplingParams,
  type SequenceEvent,
  type SequenceRequest,
} from './engine/sequence.js';
export { type SpeculationMode, speculationModes } from './engine/speculation/speculation.js';
export {
  type LogitsRow,
  type LogitsWant,
  type StepOutput,
  type StepPlan,
  wantBest,
} from './engine/step-plan.js';
export type { StepRecord } from './engine/step-record.js';
export type { TokenGuide } from './engine/token-guide.js';
export { parseConstraint } from './grammar/constraint.js';
export { createForcedIds } from './grammar/forced-ids.js';
export { grammarVocabularyOf } from './grammar/grammar-vocabulary.js';
export { createGrammars, type Grammars } from './grammar/io/create-grammars.js';
export { type CompiledFolder, openCompiled } from './io/compiled/compiled-folder.js';
export { endProcess } from './io/end-process.js';
export {
  chooseKernels,
  fittingKernels,
  type KernelChoice,
  type KernelWish,
  kernelWishes,
} from './io/kernels/choose-kernels.js';
export { hasByteProducts, hasTiles } from './io/kernels/processor-features.js';
export { CHUNK_COUNTS, DECODE_COUNTS } from './io/load-model.js';
export type { FetchProgress } from './io/models/fetch-progress.js';
export { openGguf } from './io/models/open-gguf.js';
export { type ResolvedModel, type ResolveOptions, resolveModel } from './io/models/resolve-model.js';
export { type PinMode, pinModes, processorsFor } from './io/processors.js';
export {
  type RunningWorker,
  startWorker,
  type WorkerOptions,
  type WorkerProgress,
} from './io/start-worker.js';
export { chooseWeights, type WeightChoice, type WeightWish } from './io/weights/choose-weights.js';
export { kvFor } from './model/compile/kernels.js';
export { type KvMode, type KvWish, kvModes, kvWishes } from './model/compile/kv-format.js';
export { type WeightMode, weightModes } from './model/compile/linear.js';
export type { CompiledFiles } from './model/compiled-files.js';
export { type ExecutorMode, executorModes } from './model/executor-choice.js';
export type { GgufFile } from './model/gguf/gguf-file.js';
export { LaneModel } from './model/lane-model.js';
export type { LaneModelOptions } from './model/lane-model-options.js';
export { createTextPort, type TextPort } from './service/text-port.js';
export { createWorkerServer, type WorkerServer } from './service/worker-server.js';
export { readGgufTokenizer } from './text/gguf-tokenizer.js';
export { createTokenizer, type Tokenizer } from './text/tokenizer.js';
