import protobuf from 'protobufjs';

/**
 * The part of ONNX's file format that the compiler writes (onnx.proto, IR version 10), encoded by protobufjs. Field
 * names and numbers are ONNX's own.
 */
const schema = `
syntax = "proto3";
message ModelProto { int64 ir_version = 1; string producer_name = 2; GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8; }
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
message GraphProto {
  repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
}
message NodeProto {
  repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
  repeated AttributeProto attribute = 5; string domain = 7;
}
message AttributeProto { string name = 1; float f = 2; int64 i = 3; bytes s = 4; GraphProto g = 6; repeated int64 ints = 8; int32 type = 20; }
message TensorProto {
  repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9;
  repeated StringStringEntryProto external_data = 13; int32 data_location = 14;
}
message StringStringEntryProto { string key = 1; string value = 2; }
message ValueInfoProto { string name = 1; TypeProto type = 2; }
message TypeProto { message Tensor { int32 elem_type = 1; TensorShapeProto shape = 2; } Tensor tensor_type = 1; }
message TensorShapeProto { message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } } repeated Dimension dim = 1; }
`;

/** Element types as TensorProto.DataType numbers them. */
export const elementType = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof elementType;
export const elementBytes: Record<ElementType, number> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  float16: 2,
};

/** A dimension: a length, or the name of one that varies from run to run. */
export type Dimension = number | string;

export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

/** An initializer: its bytes in the file itself, or a place in a data file beside it. */
export interface OnnxInitializer {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | { readonly file: string; readonly offset: number; readonly bytes: number };
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxInitializer[];
}

/** The bytes of an .onnx file: opset 21, com.microsoft 1, and where it is used sluice 1. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const type = protobuf.parse(schema, { keepCase: true }).root.lookupType('ModelProto');
  const model = {
    ir_version: 10,
    producer_name: 'sluice',
    opset_import: [
      { domain: '', version: 21 },
      { domain: 'com.microsoft', version: 1 },
      // Only where it is needed: a session without our operators would warn of a domain that it does not know.
      ...(graph.nodes.some(({ domain }) => domain === 'sluice') ? [{ domain: 'sluice', version: 1 }] : []),
    ],
    graph: encodeGraph(graph),
  };
  return type.encode(type.fromObject(model)).finish();
}

function encodeGraph(graph: OnnxGraph): object {
  return {
    name: graph.name,
    node: graph.nodes.map(encodeNode),
    initializer: graph.initializers.map(encodeInitializer),
    input: graph.inputs.map(encodeValue),
    output: graph.outputs.map(encodeValue),
  };
}

function encodeNode(node: OnnxNode, index: number): object {
  return {
    // After what it makes: a profile shows where in the model it is.
    name: node.outputs.find((output) => output !== '') ?? `${node.op}_${index}`,
    op_type: node.op,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, value]) => {
      if ('int' in value) return { name, i: value.int, type: 2 };
      if ('float' in value) return { name, f: value.float, type: 1 };
      if ('string' in value) return { name, s: new TextEncoder().encode(value.string), type: 3 };
      if ('ints' in value) return { name, ints: [...value.ints], type: 7 };
      return { name, g: encodeGraph(value.graph), type: 5 };
    }),
  };
}

function encodeInitializer(initializer: OnnxInitializer): object {
  const { name, type, shape, data } = initializer;
  const head = { name, data_type: elementType[type], dims: [...shape] };
  if (data instanceof Uint8Array) return { ...head, raw_data: data };
  const entries = { location: data.file, offset: data.offset, length: data.bytes };
  return {
    ...head,
    data_location: 1,
    external_data: Object.entries(entries).map(([key, value]) => ({ key, value: String(value) })),
  };
}

function encodeValue(value: OnnxValue): object {
  const dim = value.shape.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size }));
  return { name: value.name, type: { tensor_type: { elem_type: elementType[value.type], shape: { dim } } } };
}
