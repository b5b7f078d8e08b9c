/**
 * What an `OrtError` can be about. The upper-case names are the runtime's own (`OrtErrorCode` of onnxruntime_c_api.h,
 * in its order); the lower-case ones are this package's:
 *
 * - `terminated`: the run was stopped by `RunOptions.terminate`
 * - `in_use`: a run that is still going on uses the object
 * - `disposed`: the object was disposed of before
 * - `not_loadable`: no library for this platform, or one of the wrong version
 */
export type OrtErrorCode = RuntimeCode | 'terminated' | 'in_use' | 'disposed' | 'not_loadable';

const runtimeCodes = [
  'OK',
  'FAIL',
  'INVALID_ARGUMENT',
  'NO_SUCHFILE',
  'NO_MODEL',
  'ENGINE_ERROR',
  'RUNTIME_EXCEPTION',
  'INVALID_PROTOBUF',
  'MODEL_LOADED',
  'NOT_IMPLEMENTED',
  'INVALID_GRAPH',
  'EP_FAIL',
  'MODEL_LOAD_CANCELED',
  'MODEL_REQUIRES_COMPILATION',
  'NOT_FOUND',
  'DEVICE_RESET',
] as const;
type RuntimeCode = (typeof runtimeCodes)[number];

/** Anything that ONNX Runtime, or this package on its behalf, refuses. The message is the runtime's own where it is. */
export class OrtError extends Error {
  override readonly name = 'OrtError';
  readonly code: OrtErrorCode;

  constructor(code: OrtErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The name of a number that `GetErrorCode` returned; a number newer than this table is a plain `FAIL`. */
export function runtimeCode(code: number): OrtErrorCode {
  return runtimeCodes[code] ?? 'FAIL';
}

export function invalidArgument(message: string): OrtError {
  return new OrtError('INVALID_ARGUMENT', message);
}
