import { loadRuntime, type Session, type Tensor } from '@sluice/ort';
import { seededRng } from '@sluice/shared';
import type { GraphBuilder } from '../../model/compile/graph-builder.js';
import { encodeModel } from '../../model/compile/onnx.js';

const TOLERANCE = 1e-4;

/** A session of two threads, so that sharing out is part of what is checked. */
export function openSession(builder: GraphBuilder, libraryPath: string): Session {
  return loadRuntime().createSession(encodeModel(builder.graph()), {
    intraOpThreads: 2,
    operatorLibraries: [libraryPath],
  });
}

export type Outputs = Readonly<Record<string, ArrayLike<number | bigint>>>;

export function run(session: Session, inputs: Readonly<Record<string, Tensor>>): Outputs {
  const binding = session.createBinding();
  try {
    for (const [name, tensor] of Object.entries(inputs)) binding.bindInput(name, tensor);
    for (const { name } of session.outputs) binding.bindOutputToCpu(name);
    session.runSync(binding);
    return Object.fromEntries(session.outputs.map(({ name }) => [name, binding.readOutput(name).array]));
  } finally {
    binding.dispose();
  }
}

export function floatsOf(outputs: Outputs, name: string): Float32Array {
  const values = outputs[name];
  if (!(values instanceof Float32Array)) throw new Error(`${name} is no row of floats`);
  return values;
}

/** @throws Error naming the operator. */
export function requireNear(
  operator: string,
  got: Float32Array,
  wanted: ArrayLike<number>,
  tolerance = TOLERANCE,
): void {
  const isNear = got.every((value, at) => Math.abs(value - wanted[at]!) <= tolerance * (1 + Math.abs(wanted[at]!)));
  if (got.length !== wanted.length || !isNear) throw new Error(`${operator} gives other numbers than it is defined to`);
}

/** Between minus and plus `size`, always the same ones. */
export function randomFloats(seed: number): (length: number, size: number) => Float32Array {
  const rng = seededRng(seed);
  return (length, size) => Float32Array.from({ length }, () => size * (2 * rng.next() - 1));
}
