import koffi from 'koffi';
import type { Api } from './api.js';
import { elementTypes, type TensorArray } from './element-type.js';
import { invalidArgument, OrtError } from './ort-error.js';
import type { Tensor } from './tensor.js';
import { requireFit, type Side, tensorInfo, type ValueInfo } from './value-info.js';

/** An output that the runtime allocated, copied. */
export interface OutputArray {
  readonly type: NonNullable<ValueInfo['type']>;
  readonly shape: readonly number[];
  readonly array: TensorArray;
}

/** What a binding needs of its session. */
export interface BindingContext {
  readonly api: Api;
  readonly memoryInfo: bigint;
  readonly allocator: bigint;
  readonly session: bigint;
  readonly inputs: ReadonlyMap<string, Slot>;
  readonly outputs: ReadonlyMap<string, Slot>;
  readonly forget: (binding: Binding) => void;
}

/** An input or output with its name ready for C, so that binding converts no string. */
export interface Slot extends ValueInfo {
  readonly nameBytes: Uint8Array;
  readonly nameAddress: bigint;
}

/**
 * Which memory the inputs of a session's runs are read from and its outputs written to. Bound once, it serves any
 * number of runs; the same memory may be bound as input and output where the operator allows it (a KV cache). Every
 * bound tensor is kept alive until it is replaced, cleared or the binding is disposed of.
 *
 * Methods that change it throw `OrtError` (`in_use`) while a run goes on, and (`disposed`) after `dispose`.
 */
export class Binding {
  readonly #context: BindingContext;
  readonly #inputs = new Map<string, Tensor>();
  /** undefined: the runtime allocates it. In the order in which the runtime lists them. */
  readonly #outputs = new Map<string, Tensor | undefined>();
  #pointer: bigint | undefined;
  #running = false;

  /** Use `session.createBinding()`. */
  constructor(context: BindingContext) {
    this.#context = context;
    this.#pointer = context.api.created((out) => context.api.CreateIoBinding(context.session, out));
  }

  /** Throws `OrtError` (`INVALID_ARGUMENT`) for an unknown name, or a type or shape that the graph does not declare. */
  bindInput(name: string, tensor: Tensor): void {
    const slot = slotOf(this.#context.inputs, 'input', name);
    requireFit('input', slot, tensor);
    const { api, memoryInfo } = this.#context;
    api.BindInput(this.#changeable(), slot.nameAddress, tensor.valueFor(api, memoryInfo));
    replace(this.#inputs, name, tensor);
  }

  /** As `bindInput`; the runtime refuses at the run when the output turns out to have another shape. */
  bindOutput(name: string, tensor: Tensor): void {
    const slot = slotOf(this.#context.outputs, 'output', name);
    requireFit('output', slot, tensor);
    if (tensor.readOnly) throw invalidArgument(`output '${name}' cannot be written into a mapped file`);
    const { api, memoryInfo } = this.#context;
    api.BindOutput(this.#changeable(), slot.nameAddress, tensor.valueFor(api, memoryInfo));
    replace(this.#outputs, name, tensor);
  }

  /** Lets the runtime allocate the output anew at each run, for shapes not known before; read it with `readOutput`. */
  bindOutputToCpu(name: string): void {
    const { api, memoryInfo } = this.#context;
    api.BindOutputToDevice(this.#changeable(), slotOf(this.#context.outputs, 'output', name).nameAddress, memoryInfo);
    replace(this.#outputs, name, undefined);
  }

  /** A copy of an output of the last run. Throws `OrtError` when it is not bound or no run has filled it. */
  readOutput(name: string): OutputArray {
    slotOf(this.#context.outputs, 'output', name);
    const pointer = this.#changeable();
    const index = [...this.#outputs.keys()].indexOf(name);
    if (index === -1) throw invalidArgument(`output '${name}' is not bound`);
    const { api, allocator } = this.#context;
    const count = new BigUint64Array(1);
    const list = api.created((out) => api.GetBoundOutputValues(pointer, allocator, out, koffi.address(count)));
    if (list === 0n) throw invalidArgument(`output '${name}' has no value yet: run the session first`);
    const values: bigint[] = koffi.decode(list, 'void *', Number(count[0]));
    try {
      return copyOut(api, name, values[index] as bigint);
    } finally {
      for (const value of values) api.ReleaseValue(value);
      api.AllocatorFree(allocator, list);
    }
  }

  clearInputs(): void {
    this.#context.api.ClearBoundInputs(this.#changeable());
    letGoOf(this.#inputs);
  }

  clearOutputs(): void {
    this.#context.api.ClearBoundOutputs(this.#changeable());
    letGoOf(this.#outputs);
  }

  clear(): void {
    this.clearInputs();
    this.clearOutputs();
  }

  /** Throws `OrtError` (`in_use`) while a run goes on. Twice is harmless. */
  dispose(): void {
    if (this.#pointer === undefined) return;
    this.#context.api.ReleaseIoBinding(this.#changeable());
    this.#pointer = undefined;
    letGoOf(this.#inputs);
    letGoOf(this.#outputs);
    this.#context.forget(this);
  }

  /** For this package: what a run of `session` is given. Nothing of it may change before `endRun`. */
  beginRun(session: bigint): bigint {
    if (session !== this.#context.session) throw invalidArgument('the binding belongs to another session');
    const pointer = this.#changeable();
    this.#requireComplete();
    const { api, memoryInfo, outputs } = this.#context;
    for (const [name, tensor] of this.#outputs) {
      // Else the runtime takes the last run's allocation for a given buffer and refuses another shape.
      if (tensor === undefined) api.BindOutputToDevice(pointer, (outputs.get(name) as Slot).nameAddress, memoryInfo);
    }
    this.#running = true;
    return pointer;
  }

  endRun(): void {
    this.#running = false;
  }

  #changeable(): bigint {
    if (this.#pointer === undefined) throw new OrtError('disposed', 'the binding was disposed of');
    if (this.#running) throw new OrtError('in_use', 'the binding is in use by a run that has not ended');
    return this.#pointer;
  }

  #requireComplete(): void {
    if (this.#inputs.size < this.#context.inputs.size) {
      const missing = [...this.#context.inputs.keys()].filter((name) => !this.#inputs.has(name));
      throw invalidArgument(`inputs are not bound: ${missing.join(', ')}`);
    }
    if (this.#outputs.size === 0) throw invalidArgument('no output is bound');
  }
}

/** Makes the name ready for C once. */
export function slot(info: ValueInfo): Slot {
  const nameBytes = new TextEncoder().encode(`${info.name}\0`);
  return { ...info, nameBytes, nameAddress: koffi.address(nameBytes) };
}

function slotOf(slots: ReadonlyMap<string, Slot>, side: Side, name: string): Slot {
  const found = slots.get(name);
  if (found !== undefined) return found;
  throw invalidArgument(`the graph has no ${side} '${name}'; it has ${[...slots.keys()].join(', ')}`);
}

function replace(bound: Map<string, Tensor | undefined>, name: string, tensor: Tensor | undefined): void {
  tensor?.hold();
  bound.get(name)?.letGo();
  bound.set(name, tensor);
}

function letGoOf(bound: Map<string, Tensor | undefined>): void {
  for (const tensor of bound.values()) tensor?.letGo();
  bound.clear();
}

function copyOut(api: Api, name: string, value: bigint): OutputArray {
  if (api.counted((out) => api.HasValue(value, out)) === 0) {
    throw invalidArgument(`output '${name}' has no value yet: run the session first`);
  }
  const info = api.created((out) => api.GetTensorTypeAndShape(value, out));
  const { type, shape } = tensorInfo(api, info);
  api.ReleaseTensorTypeAndShapeInfo(info);
  if (type === undefined || shape === undefined) throw invalidArgument(`output '${name}' is of no supported type`);
  const { array: ArrayOfType, elementBytes } = elementTypes[type];
  const byteLength = shape.reduce((product, dimension) => product * dimension, elementBytes);
  if (byteLength === 0) return { type, shape, array: new ArrayOfType(new ArrayBuffer(0)) };
  const address = api.created((out) => api.GetTensorMutableData(value, out));
  return { type, shape, array: new ArrayOfType(koffi.view(address, byteLength).slice(0)) };
}
