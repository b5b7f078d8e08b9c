import koffi, { type LibraryHandle } from 'koffi';
import {
  type ArgumentOf,
  type Entry,
  GET_ERROR_CODE,
  GET_ERROR_MESSAGE,
  type Kind,
  type Pointer,
  statusFunctions,
  TABLE_ENTRIES,
  TENSOR_HAS_SHAPE,
  voidFunctions,
} from './api-table.js';
import { OrtError, runtimeCode } from './ort-error.js';

type Arguments<A extends readonly Kind[]> = { -readonly [I in keyof A]: ArgumentOf[A[I]] };
type Functions<T extends Record<string, Entry<readonly Kind[]>>> = {
  readonly [Name in keyof T]: (...args: Arguments<T[Name]['parameters']>) => void;
};

/**
 * The C API as typed functions. Those that return a status in C throw `OrtError` here. Pointers go over as bigints,
 * results come back through `created`: 0.3 µs a call, against 1.7 µs when Koffi converts arrays.
 */
export interface Api extends Functions<typeof statusFunctions>, Functions<typeof voidFunctions> {
  /** Runs on a libuv thread; `done` is called on the JS thread. Throws when Koffi's queue (256 calls) is full. */
  readonly runWithBindingAsync: (session: Pointer, options: Pointer, binding: Pointer, done: RunDone) => void;
  /** The same for the creation of a session; what `out` points to must live until `done`. */
  readonly createSessionAsync: (
    environment: Pointer,
    path: string,
    options: Pointer,
    prepacked: Pointer,
    out: Pointer,
    done: RunDone,
  ) => void;
  readonly tensorHasShape: (info: Pointer) => boolean;
  /** What `create` wrote to the address that it was given, as a pointer. */
  readonly created: (create: (out: bigint) => void) => bigint;
  /** The same for a size_t or int of at most 32 bits. */
  readonly counted: (count: (out: bigint) => void) => number;
}
export type RunDone = (error: OrtError | undefined) => void;

/** The oldest API version that has every function of the table; a newer library offers it too. */
export const API_VERSION = 24;

/** Version of the library, such as `1.30.0`. */
export function versionOf(library: LibraryHandle): string {
  return String(koffi.decode(apiBase(library)[1], koffi.proto('str', []))());
}

/** Binds the table. Throws `OrtError` (`not_loadable`) when the library is older than the API version wanted. */
export function bindApi(library: LibraryHandle): Api {
  const address: Pointer = koffi.decode(apiBase(library)[0], koffi.proto('void *', ['uint32_t']))(API_VERSION);
  if (address === null) {
    const message = `ONNX Runtime ${versionOf(library)} does not offer API version ${API_VERSION}`;
    throw new OrtError('not_loadable', message);
  }
  const table: Pointer[] = koffi.decode(address, 'void *', TABLE_ENTRIES);
  const native = (position: number, result: string, kinds: readonly Kind[]) =>
    koffi.decode(table[position], koffi.proto(result, kinds.map(nativeType))) as NativeFunction;

  const errorCode = native(GET_ERROR_CODE, 'int', ['pointer']);
  const errorMessage = native(GET_ERROR_MESSAGE, 'str', ['pointer']);
  const releaseStatus = native(voidFunctions.ReleaseStatus.position, 'void', ['pointer']);
  const errorOf = (status: unknown): OrtError => {
    const error = new OrtError(runtimeCode(Number(errorCode(status))), String(errorMessage(status)));
    releaseStatus(status);
    return error;
  };

  const functions: Record<string, (...args: unknown[]) => unknown> = {};
  for (const [name, { position, parameters }] of Object.entries(statusFunctions)) {
    functions[name] = checked(native(position, 'void *', parameters), parameters.length, errorOf);
  }
  for (const [name, { position, parameters }] of Object.entries(voidFunctions)) {
    functions[name] = native(position, 'void', parameters);
  }

  const run = native(statusFunctions.RunWithBinding.position, 'void *', statusFunctions.RunWithBinding.parameters);
  const { position, parameters } = statusFunctions.CreateSessionWithPrepackedWeightsContainer;
  const create = native(position, 'void *', parameters);
  const settle =
    (done: RunDone) =>
    (failure: unknown, status: unknown): void => {
      if (failure) done(new OrtError('FAIL', String(failure), { cause: failure }));
      else done(status === null ? undefined : errorOf(status));
    };
  const hasShape = native(TENSOR_HAS_SHAPE, 'bool', ['pointer']);
  const slot = new BigUint64Array(1);
  const slotAddress = koffi.address(slot);
  return {
    ...(functions as unknown as Functions<typeof statusFunctions> & Functions<typeof voidFunctions>),
    runWithBindingAsync: (session, options, binding, done) => run.async(session, options, binding, settle(done)),
    createSessionAsync: (environment, path, options, prepacked, out, done) =>
      create.async(environment, path, options, prepacked, out, settle(done)),
    tensorHasShape: (info) => hasShape(info) === true,
    created: (create) => {
      slot[0] = 0n;
      create(slotAddress);
      return slot[0] as bigint;
    },
    counted: (count) => {
      slot[0] = 0n;
      count(slotAddress);
      return Number(slot[0] & 0xffff_ffffn);
    },
  };
}

interface NativeFunction {
  (...args: unknown[]): unknown;
  async: (...args: unknown[]) => void;
}

/** Spelled out for the counts of arguments on the path of a step: spreading costs as much as the call. */
function checked(call: NativeFunction, count: number, errorOf: (status: unknown) => OrtError) {
  const throwOn = (status: unknown): void => {
    if (status !== null) throw errorOf(status);
  };
  if (count === 3) return (a: unknown, b: unknown, c: unknown) => throwOn(call(a, b, c));
  return (...args: unknown[]) => throwOn(call(...args));
}

function nativeType(kind: Kind): string {
  const character = process.platform === 'win32' ? 'char16_t' : 'char';
  const types: Record<Kind, string> = {
    pointer: 'void *',
    int: 'int',
    size: 'size_t',
    text: 'const char *',
    path: `const ${character} *`,
    texts: 'const char **',
    paths: `const ${character} **`,
    pointers: 'void **',
    sizes: 'const size_t *',
  };
  return types[kind];
}

/** struct OrtApiBase: GetApi, GetVersionString. */
function apiBase(library: LibraryHandle): readonly Pointer[] {
  try {
    const base: Pointer = library.func('OrtGetApiBase', 'void *', [])();
    return koffi.decode(base, 'void *', 2);
  } catch (cause) {
    throw new OrtError('not_loadable', 'the library is not ONNX Runtime: it has no OrtGetApiBase', { cause });
  }
}
