import type { Api } from './api.js';
import { Binding, type BindingContext, type OutputArray, slot } from './binding.js';
import { OrtError } from './ort-error.js';
import type { RunOptions } from './run-options.js';
import type { RunThread } from './run-thread.js';
import type { Tensor } from './tensor.js';
import { takeText, type ValueInfo, valueInfos } from './value-info.js';

/** What a session needs of its runtime. */
export interface SessionContext {
  readonly api: Api;
  readonly memoryInfo: bigint;
  readonly allocator: bigint;
  readonly session: bigint;
  /** What the native session reads for as long as it lives. */
  readonly kept: readonly Kept[];
}

/** Something that must not be freed between `hold` and `letGo`. */
export interface Kept {
  hold(): void;
  letGo(): void;
}

/**
 * A graph made ready to run. Runs of different bindings may go on side by side. The initializers and prepacked weights
 * that it was created with are kept until it is disposed of; its bindings are disposed of with it.
 */
export class Session {
  /** In the graph's order; initializers are not among them. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly #context: BindingContext;
  readonly #kept: readonly Kept[];
  readonly #bindings = new Set<Binding>();
  readonly #idle: (() => void)[] = [];
  #disposed = false;
  #runs = 0;

  /** Use `runtime.createSession()`. */
  constructor({ api, memoryInfo, allocator, session, kept }: SessionContext) {
    this.inputs = valueInfos(api, session, allocator, 'input');
    this.outputs = valueInfos(api, session, allocator, 'output');
    this.#context = {
      api,
      memoryInfo,
      allocator,
      session,
      inputs: new Map(this.inputs.map((info) => [info.name, slot(info)])),
      outputs: new Map(this.outputs.map((info) => [info.name, slot(info)])),
      forget: (binding) => this.#bindings.delete(binding),
    };
    this.#kept = kept;
    for (const one of kept) one.hold();
  }

  /** An empty binding, good for any number of runs of this session, one at a time. */
  createBinding(): Binding {
    this.#requireAlive();
    const binding = new Binding(this.#context);
    this.#bindings.add(binding);
    return binding;
  }

  /**
   * One pass on the thread given, or on one of libuv (of UV_THREADPOOL_SIZE, 4 unless set) where there is none or it has
   * died; the JS thread stays free. The pass holds session,
   * binding, options and all bound memory. Rejects with `OrtError`: `terminated` when the options stopped it,
   * `INVALID_ARGUMENT` when something is not bound or does not fit, else the runtime's code. The session stays usable.
   */
  run(binding: Binding, options?: RunOptions, thread?: RunThread): Promise<void> {
    return new Promise((resolve, reject) => {
      const { api, session } = this.#context;
      const pointers = this.#begin(binding, options);
      const done = (error: OrtError | undefined) => {
        this.#end(binding, options);
        if (error === undefined) resolve();
        else reject(namingTermination(error, options));
      };
      try {
        if (thread === undefined || thread.hasDied) {
          api.runWithBindingAsync(session, pointers.options, pointers.binding, done);
        } else {
          thread.run({ session, options: pointers.options ?? 0n, binding: pointers.binding }, done);
        }
      } catch (thrown) {
        this.#end(binding, options);
        throw thrown;
      }
    });
  }

  /** The same on the JS thread, which it blocks. Throws what `run` rejects with. */
  runSync(binding: Binding, options?: RunOptions): void {
    const { api, session } = this.#context;
    const pointers = this.#begin(binding, options);
    try {
      api.RunWithBinding(session, pointers.options, pointers.binding);
    } catch (thrown) {
      throw thrown instanceof OrtError ? namingTermination(thrown, options) : thrown;
    } finally {
      this.#end(binding, options);
    }
  }

  /** A pass whose outputs are copied: for tests and small graphs. Throws and rejects as `bindInput` and `run` do. */
  async runOnce(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, OutputArray>> {
    const binding = this.createBinding();
    try {
      for (const [name, tensor] of Object.entries(inputs)) binding.bindInput(name, tensor);
      for (const { name } of this.outputs) binding.bindOutputToCpu(name);
      await this.run(binding);
      return Object.fromEntries(this.outputs.map(({ name }) => [name, binding.readOutput(name)]));
    } finally {
      binding.dispose();
    }
  }

  /** Ends the profile that `profilePrefix` began and returns the path of its file. */
  endProfiling(): string {
    this.#requireAlive();
    const { api, session, allocator } = this.#context;
    return takeText(
      api,
      allocator,
      api.created((out) => api.SessionEndProfiling(session, allocator, out)),
    );
  }

  /** Frees the session and its bindings. Throws `OrtError` (`in_use`) while a run goes on. Twice is harmless. */
  dispose(): void {
    if (this.#disposed) return;
    if (this.#runs > 0) {
      throw new OrtError('in_use', `the session has ${this.#runs} runs that have not ended; close() waits for them`);
    }
    this.#disposed = true;
    for (const binding of this.#bindings) binding.dispose();
    this.#context.api.ReleaseSession(this.#context.session);
    for (const one of this.#kept) one.letGo();
  }

  /** Waits until no run goes on, then disposes. */
  async close(): Promise<void> {
    while (this.#runs > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.dispose();
  }

  #begin(binding: Binding, options: RunOptions | undefined): { binding: bigint; options: bigint | null } {
    this.#requireAlive();
    const optionsPointer = options?.pointer ?? null;
    const bindingPointer = binding.beginRun(this.#context.session);
    options?.hold();
    this.#runs += 1;
    return { binding: bindingPointer, options: optionsPointer };
  }

  #end(binding: Binding, options: RunOptions | undefined): void {
    binding.endRun();
    options?.letGo();
    this.#runs -= 1;
    if (this.#runs === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  #requireAlive(): void {
    if (this.#disposed) throw new OrtError('disposed', 'the session was disposed of');
  }
}

/** The runtime reports a terminated run as a plain FAIL. */
function namingTermination(error: OrtError, options: RunOptions | undefined): OrtError {
  if (options?.terminated !== true || error.code !== 'FAIL') return error;
  return new OrtError('terminated', error.message, { cause: error });
}
