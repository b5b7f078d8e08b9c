import { type ElementType, elementTypes } from '../element-type.js';

/** A graph for tests. Just enough of ONNX: nodes without attributes, tensors, weights inside or in another file. */
export interface TinyGraph {
  readonly inputs: Readonly<Record<string, TinyValue>>;
  readonly outputs: Readonly<Record<string, TinyValue>>;
  /** `[operator, inputs, outputs]` in the order of execution. */
  readonly nodes: readonly (readonly [operator: string, inputs: readonly string[], outputs: readonly string[]])[];
  readonly weights?: Readonly<Record<string, TinyWeight>>;
}

/** A string is a dimension left open; no shape at all leaves the rank open. */
export interface TinyValue {
  readonly type: ElementType;
  readonly shape?: readonly (number | string)[];
}

export interface TinyWeight {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly bytes?: Uint8Array;
  /** Where the bytes lie when they are not here. */
  readonly external?: { readonly location: string; readonly byteOffset: number; readonly byteLength: number };
}

const IR_VERSION = 10;
const OPSET = 21;
const EXTERNAL = 1;

/** The bytes of an ONNX model (field numbers from onnx.proto). */
export function tinyModel({ inputs, outputs, nodes, weights = {} }: TinyGraph): Uint8Array {
  const graph = [
    ...nodes.map(([operator, from, to]) =>
      message(1, [...from.map((name) => text(1, name)), ...to.map((name) => text(2, name)), text(4, operator)]),
    ),
    text(2, 'tiny'),
    ...Object.entries(weights).map(([name, weight]) => message(5, tensor(name, weight))),
    ...Object.entries(inputs).map(([name, value]) => message(11, valueInfo(name, value))),
    ...Object.entries(outputs).map(([name, value]) => message(12, valueInfo(name, value))),
  ];
  return join([integer(1, IR_VERSION), message(7, graph), message(8, [text(1, ''), integer(2, OPSET)])]);
}

function valueInfo(name: string, { type, shape }: TinyValue): Uint8Array[] {
  const dimensions = shape?.map((size) => message(1, [typeof size === 'string' ? text(2, size) : integer(1, size)]));
  const shaped = dimensions === undefined ? [] : [message(2, dimensions)];
  return [text(1, name), message(2, [message(1, [integer(1, elementTypes[type].code), ...shaped])])];
}

function tensor(name: string, { type, shape, bytes, external }: TinyWeight): Uint8Array[] {
  const head = [...shape.map((size) => integer(1, size)), integer(2, elementTypes[type].code), text(8, name)];
  if (external === undefined) return [...head, field(9, bytes ?? new Uint8Array(0))];
  const entry = (key: string, value: unknown) => message(13, [text(1, key), text(2, String(value))]);
  const { location, byteOffset, byteLength } = external;
  return [
    ...head,
    ...[entry('location', location), entry('offset', byteOffset), entry('length', byteLength)],
    integer(14, EXTERNAL),
  ];
}

/** Protobuf's wire types: 0 for integers, 2 for everything with a length. */
function integer(number: number, value: number): Uint8Array {
  return join([varint(number * 8), varint(value)]);
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return join([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function message(number: number, fields: readonly Uint8Array[]): Uint8Array {
  return field(number, join(fields));
}

function text(number: number, value: string): Uint8Array {
  return field(number, new TextEncoder().encode(value));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
