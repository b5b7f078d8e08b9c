/** An address of native memory; null is C's NULL. */
export type Pointer = bigint | null;

/** How an argument goes over: `path` is ORTCHAR_T*, two bytes a character on Windows. */
export type Kind = 'pointer' | 'int' | 'size' | 'text' | 'path' | 'texts' | 'paths' | 'pointers' | 'sizes';
export interface ArgumentOf {
  pointer: Pointer;
  int: number;
  size: number;
  text: string;
  path: string;
  texts: readonly string[];
  paths: readonly string[];
  pointers: readonly Pointer[];
  sizes: readonly number[];
}
export interface Entry<A extends readonly Kind[]> {
  /** Position in struct OrtApi, which is append-only: a position never changes once released. */
  readonly position: number;
  readonly parameters: A;
}

/** Functions that return OrtStatus*; out parameters are plain pointers. Source: onnxruntime_c_api.h, API version 29. */
export const statusFunctions = {
  CreateEnv: at(3, 'int', 'text', 'pointer'),
  CreateSession: at(7, 'pointer', 'path', 'pointer', 'pointer'),
  CreateSessionFromArray: at(8, 'pointer', 'pointer', 'size', 'pointer', 'pointer'),
  CreateSessionOptions: at(10, 'pointer'),
  SetOptimizedModelFilePath: at(11, 'pointer', 'path'),
  SetSessionExecutionMode: at(13, 'pointer', 'int'),
  EnableProfiling: at(14, 'pointer', 'path'),
  EnableMemPattern: at(16, 'pointer'),
  DisableMemPattern: at(17, 'pointer'),
  EnableCpuMemArena: at(18, 'pointer'),
  DisableCpuMemArena: at(19, 'pointer'),
  SetSessionLogId: at(20, 'pointer', 'text'),
  SetSessionLogSeverityLevel: at(22, 'pointer', 'int'),
  SetSessionGraphOptimizationLevel: at(23, 'pointer', 'int'),
  SetIntraOpNumThreads: at(24, 'pointer', 'int'),
  SetInterOpNumThreads: at(25, 'pointer', 'int'),
  SessionGetInputCount: at(30, 'pointer', 'pointer'),
  SessionGetOutputCount: at(31, 'pointer', 'pointer'),
  SessionGetInputTypeInfo: at(33, 'pointer', 'size', 'pointer'),
  SessionGetOutputTypeInfo: at(34, 'pointer', 'size', 'pointer'),
  SessionGetInputName: at(36, 'pointer', 'size', 'pointer', 'pointer'),
  SessionGetOutputName: at(37, 'pointer', 'size', 'pointer', 'pointer'),
  CreateRunOptions: at(39, 'pointer'),
  RunOptionsSetRunTag: at(42, 'pointer', 'text'),
  RunOptionsSetTerminate: at(46, 'pointer'),
  RunOptionsUnsetTerminate: at(47, 'pointer'),
  CreateTensorWithDataAsOrtValue: at(49, 'pointer', 'pointer', 'size', 'pointer', 'size', 'int', 'pointer'),
  GetTensorMutableData: at(51, 'pointer', 'pointer'),
  CastTypeInfoToTensorInfo: at(55, 'pointer', 'pointer'),
  GetTensorElementType: at(60, 'pointer', 'pointer'),
  GetDimensionsCount: at(61, 'pointer', 'pointer'),
  GetDimensions: at(62, 'pointer', 'pointer', 'size'),
  GetTensorTypeAndShape: at(65, 'pointer', 'pointer'),
  CreateCpuMemoryInfo: at(69, 'int', 'int', 'pointer'),
  AllocatorFree: at(76, 'pointer', 'pointer'),
  GetAllocatorWithDefaultOptions: at(78, 'pointer'),
  SessionEndProfiling: at(110, 'pointer', 'pointer', 'pointer'),
  GetAvailableProviders: at(125, 'pointer', 'pointer'),
  ReleaseAvailableProviders: at(126, 'pointer', 'int'),
  AddSessionConfigEntry: at(130, 'pointer', 'text', 'text'),
  RunWithBinding: at(133, 'pointer', 'pointer', 'pointer'),
  CreateIoBinding: at(134, 'pointer', 'pointer'),
  BindInput: at(136, 'pointer', 'pointer', 'pointer'),
  BindOutput: at(137, 'pointer', 'pointer', 'pointer'),
  BindOutputToDevice: at(138, 'pointer', 'pointer', 'pointer'),
  GetBoundOutputValues: at(140, 'pointer', 'pointer', 'pointer', 'pointer'),
  CreateAndRegisterAllocator: at(144, 'pointer', 'pointer', 'pointer'),
  AddInitializer: at(150, 'pointer', 'text', 'pointer'),
  AddRunConfigEntry: at(165, 'pointer', 'text', 'text'),
  CreatePrepackedWeightsContainer: at(166, 'pointer'),
  CreateSessionWithPrepackedWeightsContainer: at(168, 'pointer', 'path', 'pointer', 'pointer', 'pointer'),
  CreateSessionFromArrayWithPrepackedWeightsContainer: at(
    169,
    ...(['pointer', 'pointer', 'size', 'pointer', 'pointer', 'pointer'] as const),
  ),
  HasValue: at(192, 'pointer', 'pointer'),
  SessionOptionsAppendExecutionProvider: at(216, 'pointer', 'text', 'texts', 'texts', 'size'),
  RegisterCustomOpsLibrary_V2: at(228, 'pointer', 'path'),
  AddExternalInitializersFromFilesInMemory: at(279, 'pointer', 'paths', 'pointers', 'sizes', 'size'),
} as const;

/** Functions without a result. */
export const voidFunctions = {
  ReleaseEnv: at(92, 'pointer'),
  ReleaseStatus: at(93, 'pointer'),
  ReleaseMemoryInfo: at(94, 'pointer'),
  ReleaseSession: at(95, 'pointer'),
  ReleaseValue: at(96, 'pointer'),
  ReleaseRunOptions: at(97, 'pointer'),
  ReleaseTypeInfo: at(98, 'pointer'),
  ReleaseTensorTypeAndShapeInfo: at(99, 'pointer'),
  ReleaseSessionOptions: at(100, 'pointer'),
  ReleaseIoBinding: at(135, 'pointer'),
  ClearBoundInputs: at(141, 'pointer'),
  ClearBoundOutputs: at(142, 'pointer'),
  ReleasePrepackedWeightsContainer: at(167, 'pointer'),
} as const;

export const GET_ERROR_CODE = 1;
export const GET_ERROR_MESSAGE = 2;
export const TENSOR_HAS_SHAPE = 390;
/** Entries that have to be read so that every function used is among them. */
export const TABLE_ENTRIES = 391;

function at<const A extends readonly Kind[]>(position: number, ...parameters: A): Entry<A> {
  return { position, parameters };
}
