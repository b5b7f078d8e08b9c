import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundledLibraryPath } from './library.js';
import { mapFile } from './mapped-file.js';
import { loadRuntime } from './runtime.js';
import { Tensor } from './tensor.js';
import { collectGarbage } from './testing/collect-garbage.js';
import { adder, diagonal, longChain, matrixProduct } from './testing/graphs.js';
import { tinyModel } from './testing/tiny-graph.js';

const runtime = loadRuntime();
const folder = mkdtempSync(path.join(tmpdir(), 'ort-session-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pair = (...values: number[]) => Tensor.over(Float32Array.from(values), [values.length / 2, 2]);
const refusal = (code: string, message: unknown = expect.any(String)) =>
  expect.objectContaining({ name: 'OrtError', code, message });

describe('Session', () => {
  it('tells names, types and shapes, with open dimensions and ranks', () => {
    const session = runtime.createSession(
      tinyModel({
        inputs: { x: { type: 'float32', shape: ['n', 2] }, scalar: { type: 'float32', shape: [] } },
        outputs: { y: { type: 'float32' } },
        nodes: [['Mul', ['x', 'scalar'], ['y']]],
      }),
      { optimizationLevel: 'none' },
    );
    expect(session.inputs).toEqual([
      { name: 'x', type: 'float32', shape: [-1, 2] },
      { name: 'scalar', type: 'float32', shape: [] },
    ]);
    expect(session.outputs.map(({ name, type }) => ({ name, type }))).toEqual([{ name: 'y', type: 'float32' }]);
    session.dispose();
  });

  it('takes options of every kind', async () => {
    const session = runtime.createSession(adder(), {
      intraOpThreads: 1,
      interOpThreads: 1,
      executionMode: 'parallel',
      optimizationLevel: 'basic',
      spinning: false,
      memoryPattern: false,
      cpuArena: 'none',
      entries: { 'session.set_denormal_as_zero': '1' },
      optimizedModelPath: path.join(folder, 'optimized.onnx'),
      logLevel: 'error',
      logId: 'adder',
    });
    const { y } = await session.runOnce({ a: pair(1, 2), b: pair(3, 4) });
    expect(y?.array).toEqual(Float32Array.of(4, 6));
    expect(readFileSync(path.join(folder, 'optimized.onnx')).length).toBeGreaterThan(0);
    session.dispose();
  });

  it('shares one arena with others when told', async () => {
    const sessions = [0, 1].map(() => runtime.createSession(adder(), { cpuArena: 'shared' }));
    const results = await Promise.all(sessions.map((session) => session.runOnce({ a: pair(1, 2), b: pair(3, 4) })));
    expect(results.map(({ y }) => y?.array)).toEqual([Float32Array.of(4, 6), Float32Array.of(4, 6)]);
    for (const session of sessions) session.dispose();
  });
});

describe('Runtime.createSession', () => {
  it('gives the reason of the runtime for what it cannot load', () => {
    const missing = path.join(folder, 'missing.onnx');
    expect(() => runtime.createSession(missing)).toThrow(refusal('NO_SUCHFILE', expect.stringContaining(missing)));
    expect(() => runtime.createSession(new Uint8Array(0))).toThrow(refusal('INVALID_ARGUMENT'));
    expect(() => runtime.createSession(new Uint8Array(99).fill(7))).toThrow(refusal('INVALID_PROTOBUF'));
    const unknown = tinyModel({ inputs: {}, outputs: {}, nodes: [['Fly', [], ['y']]] });
    expect(() => runtime.createSession(unknown)).toThrow(
      expect.objectContaining({ message: expect.stringContaining('Fly') }),
    );
    expect(() => runtime.createSession(adder(), { providers: [{ name: 'Abacus' }] })).toThrow(
      refusal('INVALID_ARGUMENT', expect.stringContaining('Abacus')),
    );
  });

  it('refuses libraries of operators that are not there or are none', () => {
    const missing = path.join(folder, 'missing.so');
    expect(() => runtime.createSession(adder(), { operatorLibraries: [missing] })).toThrow(
      refusal('FAIL', expect.stringContaining(missing)),
    );
    expect(() => runtime.createSession(adder(), { operatorLibraries: [bundledLibraryPath()] })).toThrow(
      refusal('FAIL', expect.stringContaining('RegisterCustomOps')),
    );
  });

  it('reads a graph and its weights from files', async () => {
    writeFileSync(path.join(folder, 'diagonal.bin'), new Uint8Array(diagonal(2, (index) => index + 2).buffer));
    const model = path.join(folder, 'diagonal.onnx');
    writeFileSync(model, matrixProduct(2, { location: 'diagonal.bin', byteOffset: 0 }));
    const session = runtime.createSession(model);
    expect((await session.runOnce({ x: pair(1, 1) })).y?.array).toEqual(Float32Array.of(2, 3));
    session.dispose();
  });

  it('takes files that the graph refers to from memory', async () => {
    const weights = diagonal(2, (index) => index + 5);
    const model = matrixProduct(2, { location: 'only-in-memory.bin', byteOffset: 0 });
    const externalFiles = new Map([['only-in-memory.bin', new Uint8Array(weights.buffer)]]);
    const session = runtime.createSession(model, { externalFiles });
    expect((await session.runOnce({ x: pair(1, 1) })).y?.array).toEqual(Float32Array.of(5, 6));
    session.dispose();
  });

  it('uses initializers where they lie, one copy for several sessions', async () => {
    const weights = diagonal(2, () => 1);
    const initializers = new Map([['w', Tensor.over(weights, [2, 2])]]);
    // Without prepacking the kernel reads the array itself, so that a later change shows whose memory it is.
    const entries = { 'session.disable_prepacking': '1' };
    const model = matrixProduct(2, new Float32Array(4));
    const sessions = [0, 1].map(() => runtime.createSession(model, { initializers, entries }));
    weights.set([3, 0, 0, 4]);
    for (const session of sessions) {
      expect((await session.runOnce({ x: pair(1, 1) })).y?.array).toEqual(Float32Array.of(3, 4));
    }
    sessions[0]?.dispose();
    weights.set([5, 0, 0, 6]);
    expect((await sessions[1]?.runOnce({ x: pair(1, 1) }))?.y?.array).toEqual(Float32Array.of(5, 6));
    sessions[1]?.dispose();
  });

  it('keeps mapped initializers for as long as the session lives', async () => {
    const file = path.join(folder, 'mapped.bin');
    writeFileSync(file, new Uint8Array(diagonal(2, (index) => index + 7).buffer));
    const session = (() => {
      const w = Tensor.overMapped(mapFile(file), 0, 'float32', [2, 2]);
      const entries = { 'session.disable_prepacking': '1' };
      const made = runtime.createSession(matrixProduct(2, new Float32Array(4)), {
        initializers: new Map([['w', w]]),
        entries,
      });
      w.dispose();
      return made;
    })();
    await collectGarbage();
    expect((await session.runOnce({ x: pair(1, 1) })).y?.array).toEqual(Float32Array.of(7, 8));
    session.dispose();
  });

  it('shares prepacked weights, which outlive the sessions', async () => {
    const initializers = new Map([
      [
        'w',
        Tensor.over(
          diagonal(32, () => 2),
          [32, 32],
        ),
      ],
    ]);
    const prepacked = runtime.createPrepackedWeights();
    const model = matrixProduct(32, new Float32Array(32 * 32));
    const sessions = [0, 1].map(() => runtime.createSession(model, { initializers, prepacked }));
    for (const session of sessions) {
      expect(() => prepacked.dispose()).toThrow(refusal('in_use'));
      const { y } = await session.runOnce({ x: Tensor.over(new Float32Array(32).fill(4), [1, 32]) });
      expect(y?.array).toEqual(new Float32Array(32).fill(8));
      session.dispose();
    }
    prepacked.dispose();
    expect(() => runtime.createSession(model, { initializers, prepacked })).toThrow(refusal('disposed'));
  });
});

describe('Session.run', () => {
  const ROWS = 20_000;
  const SIZE = 256;
  const slow = runtime.createSession(longChain(500, SIZE), { intraOpThreads: 1, logLevel: 'fatal' });
  afterAll(() => slow.close());

  /** A pass of many seconds, unless somebody stops it. */
  function slowBinding() {
    const binding = slow.createBinding();
    binding.bindInput('x', Tensor.over(new Float32Array(ROWS * SIZE), [ROWS, SIZE]));
    binding.bindOutputToCpu('y');
    return binding;
  }

  it('leaves the JS thread free, can be stopped, and leaves the session usable', async () => {
    const options = runtime.createRunOptions({ tag: 'slow' });
    const binding = slowBinding();
    const run = slow.run(binding, options);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(() => options.dispose()).toThrow(refusal('in_use'));
    expect(() => slow.dispose()).toThrow(refusal('in_use', expect.stringContaining('1 runs')));
    options.terminate();
    await expect(run).rejects.toThrow(refusal('terminated'));

    const x = Float32Array.from({ length: SIZE }, (_, index) => index);
    binding.bindInput('x', Tensor.over(x, [1, SIZE]));
    await expect(slow.run(binding, options)).rejects.toThrow(refusal('terminated'));
    options.reset();
    await slow.run(binding, options);
    expect(binding.readOutput('y').array).toEqual(x);
    options.dispose();
    binding.dispose();
  });

  it('stops one run without touching another of the same session', async () => {
    const stopped = runtime.createRunOptions();
    const run = slow.run(slowBinding(), stopped);
    const x = Float32Array.from({ length: SIZE }, (_, index) => index);
    const other = await slow.runOnce({ x: Tensor.over(x, [1, SIZE]) });
    stopped.terminate();
    await expect(run).rejects.toThrow(refusal('terminated'));
    expect(other.y?.array).toEqual(x);
    stopped.dispose();
  });

  it('keeps what it uses alive when nobody else does', async () => {
    const run = (() => {
      const session = runtime.createSession(adder());
      const binding = session.createBinding();
      const y = new Float32Array(2 ** 16);
      for (const name of ['a', 'b']) {
        binding.bindInput(name, Tensor.over(new Float32Array(2 ** 16).fill(1), [2 ** 15, 2]));
      }
      binding.bindOutput('y', Tensor.over(y, [2 ** 15, 2]));
      return session.run(binding).then(() => y);
    })();
    await collectGarbage();
    expect((await run).every((value) => value === 2)).toBe(true);
  });

  it('says what is missing', async () => {
    const session = runtime.createSession(adder());
    const binding = session.createBinding();
    binding.bindInput('b', pair(1, 2));
    await expect(session.run(binding)).rejects.toThrow(refusal('INVALID_ARGUMENT', 'inputs are not bound: a'));
    binding.bindInput('a', pair(1, 2));
    expect(() => session.runSync(binding)).toThrow(refusal('INVALID_ARGUMENT', 'no output is bound'));
    session.dispose();
  });

  it('refuses outputs of the wrong size instead of writing beyond them, and goes on', async () => {
    const session = runtime.createSession(adder(), { logLevel: 'fatal' });
    const binding = session.createBinding();
    binding.bindInput('a', pair(1, 2, 3, 4));
    binding.bindInput('b', pair(1, 2, 3, 4));
    binding.bindOutput('y', pair(0, 0));
    await expect(session.run(binding)).rejects.toThrow(
      refusal('INVALID_ARGUMENT', expect.stringMatching(/\{1,2\}.*\{2,2\}/s)),
    );
    const y = pair(0, 0, 0, 0);
    binding.bindOutput('y', y);
    session.runSync(binding);
    expect(y.array).toEqual(Float32Array.of(2, 4, 6, 8));
    session.dispose();
  });

  it("refuses another session's binding", async () => {
    const [one, two] = [runtime.createSession(adder()), runtime.createSession(adder())];
    await expect(one.run(two.createBinding())).rejects.toThrow(refusal('INVALID_ARGUMENT'));
    one.dispose();
    two.dispose();
  });
});

describe('Runtime.openSession', () => {
  it('opens several beside the JS thread, over the weights of each other', async () => {
    const model = path.join(folder, 'product.onnx');
    writeFileSync(model, matrixProduct(32, new Float32Array(32 * 32)));
    const weights = diagonal(32, () => 2);
    const initializers = new Map([['w', Tensor.over(weights, [32, 32])]]);
    const prepacked = runtime.createPrepackedWeights();
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 0);
    const opening = Array.from({ length: 8 }, () => runtime.openSession(model, { initializers, prepacked }));
    expect(() => prepacked.dispose()).toThrow(refusal('in_use'));
    const sessions = await Promise.all(opening);
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(0);
    for (const session of sessions) {
      const { y } = await session.runOnce({ x: Tensor.over(new Float32Array(32).fill(4), [1, 32]) });
      expect(y?.array).toEqual(new Float32Array(32).fill(8));
      session.dispose();
    }
    prepacked.dispose();
  });

  it('rejects with the reason of the runtime, and keeps nothing then', async () => {
    const prepacked = runtime.createPrepackedWeights();
    const missing = path.join(folder, 'missing.onnx');
    await expect(runtime.openSession(missing, { prepacked })).rejects.toThrow(
      refusal('NO_SUCHFILE', expect.stringContaining(missing)),
    );
    prepacked.dispose();
  });
});

describe('Session.close', () => {
  it('waits for the runs that go on', async () => {
    const session = runtime.createSession(adder());
    const binding = session.createBinding();
    binding.bindInput('a', pair(1, 2));
    binding.bindInput('b', pair(1, 2));
    const y = pair(0, 0);
    binding.bindOutput('y', y);
    const run = session.run(binding);
    await session.close();
    expect(y.array).toEqual(Float32Array.of(2, 4));
    await run;
    session.dispose();
    await expect(session.run(binding)).rejects.toThrow(refusal('disposed'));
    expect(() => session.createBinding()).toThrow(refusal('disposed'));
  });
});

describe('Session.endProfiling', () => {
  it('returns the file of the profile', async () => {
    const session = runtime.createSession(adder(), { profilePrefix: path.join(folder, 'profile') });
    await session.runOnce({ a: pair(1, 2), b: pair(3, 4) });
    const file = session.endProfiling();
    expect(file.startsWith(path.join(folder, 'profile'))).toBe(true);
    expect(readFileSync(file, 'utf8')).toContain('"Add"');
    session.dispose();
  });
});
