import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { RUNS_MAX } from './run-mailbox.js';
import { RunThread } from './run-thread.js';
import { loadRuntime } from './runtime.js';
import { Tensor } from './tensor.js';
import { adder, longChain } from './testing/graphs.js';

const runtime = loadRuntime();
const threadOn = (...processors: number[]) => runtime.createRunThread(processors);
const SIZE = 256;
const session = runtime.createSession(adder());
afterAll(() => session.close());

const pair = (...values: number[]) => Tensor.over(Float32Array.from(values), [values.length / 2, 2]);

/** A binding of the session whose output is `sum`. */
function addition(sum: Float32Array) {
  const binding = session.createBinding();
  binding.bindInput('a', pair(1, 2));
  binding.bindInput('b', pair(3, 4));
  binding.bindOutput('y', Tensor.over(sum, [1, 2]));
  return binding;
}

describe('RunThread', () => {
  it('computes runs that are given to it together, each with its own result', async () => {
    const thread = threadOn(0);
    const sums = [0, 1, 2].map(() => new Float32Array(2));
    await Promise.all(sums.map((sum) => session.run(addition(sum), undefined, thread)));
    expect(sums).toEqual(sums.map(() => Float32Array.of(4, 6)));
    thread.close();
  });

  it('rejects with what the runtime refuses, and goes on', async () => {
    const thread = threadOn(0);
    const refused = session.run(session.createBinding(), undefined, thread);
    await expect(refused).rejects.toMatchObject({ name: 'OrtError', code: 'INVALID_ARGUMENT' });
    const sum = new Float32Array(2);
    await session.run(addition(sum), undefined, thread);
    expect(sum).toEqual(Float32Array.of(4, 6));
    thread.close();
  });

  it('tells a run that failed from those around it', async () => {
    const thread = threadOn(0);
    const sum = new Float32Array(2);
    const bindings = [addition(sum), session.createBinding(), addition(sum), session.createBinding()];
    const outcomes = await Promise.allSettled(bindings.map((binding) => session.run(binding, undefined, thread)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    thread.close();
  });

  it('refuses what it has no place for, and goes on', async () => {
    const thread = threadOn(0);
    const sums = Array.from({ length: 3 * RUNS_MAX }, () => new Float32Array(2));
    for (const atOnce of [sums.slice(0, RUNS_MAX + 1), sums.slice(RUNS_MAX + 1, 2 * RUNS_MAX + 1)]) {
      const runs = atOnce.map((sum) => session.run(addition(sum), undefined, thread));
      const refused = (await Promise.allSettled(runs)).filter(({ status }) => status === 'rejected');
      expect(refused).toHaveLength(atOnce.length - RUNS_MAX);
      for (const one of refused) expect(one).toMatchObject({ reason: { name: 'OrtError', code: 'in_use' } });
    }
    expect(sums.filter((sum) => sum[0] === 4)).toHaveLength(2 * RUNS_MAX);
    thread.close();
  });

  it('can be stopped in a run', async () => {
    const thread = threadOn(0);
    const long = runtime.createSession(longChain(2_000, SIZE));
    const binding = long.createBinding();
    binding.bindInput('x', Tensor.over(new Float32Array(SIZE), [1, SIZE]));
    binding.bindOutputToCpu('y');
    const options = runtime.createRunOptions();
    const run = long.run(binding, options, thread);
    options.terminate();
    await expect(run).rejects.toMatchObject({ code: 'terminated' });
    thread.close();
    await long.close();
  });

  it('refuses runs when it was closed, behind those that it had', async () => {
    const thread = threadOn(0);
    const sum = new Float32Array(2);
    const before = session.run(addition(sum), undefined, thread);
    thread.close();
    await before;
    expect(sum).toEqual(Float32Array.of(4, 6));
    const after = session.run(addition(new Float32Array(2)), undefined, thread);
    await expect(after).rejects.toMatchObject({ code: 'disposed' });
  });

  it('fails what it had when it dies, and leaves later runs to others', async () => {
    const thread = new RunThread({ libraryPath: '/nowhere/runtime.so', processors: [0] });
    const lost = session.run(addition(new Float32Array(2)), undefined, thread);
    await expect(lost).rejects.toMatchObject({ code: 'FAIL', message: expect.stringContaining('/nowhere/runtime.so') });
    const sum = new Float32Array(2);
    await session.run(addition(sum), undefined, thread);
    expect(sum).toEqual(Float32Array.of(4, 6));
  });

  it('computes as well where it cannot be bound', async () => {
    const thread = threadOn(1_000);
    const sum = new Float32Array(2);
    await session.run(addition(sum), undefined, thread);
    expect(sum).toEqual(Float32Array.of(4, 6));
    thread.close();
  });

  it.runIf(process.platform === 'linux')('is bound to its processors, and nobody else is', async () => {
    const allowed = (task: string): string => {
      const status = readFileSync(`/proc/self/task/${task}/status`, 'utf8');
      return /^Cpus_allowed_list:\s*(.*)$/m.exec(status)![1]!;
    };
    const tasks = (): string[] => readdirSync('/proc/self/task');
    const before = new Set(tasks());
    const own = allowed(String(process.pid));
    const first = /^\d+/.exec(own)![0];
    const thread = threadOn(Number(first));
    await session.run(addition(new Float32Array(2)), undefined, thread);
    const made = tasks().filter((task) => !before.has(task));
    expect(made.map(allowed)).toContain(first);
    expect(allowed(String(process.pid))).toBe(own);
    thread.close();
  });
});
