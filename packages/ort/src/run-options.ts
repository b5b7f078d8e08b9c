import type { Api } from './api.js';
import { OrtError } from './ort-error.js';

export interface RunSettings {
  /** Stands in the runtime's log lines of the run. */
  readonly tag?: string;
  /** Run configuration entries by the names of onnxruntime_run_options_config_keys.h. */
  readonly entries?: Readonly<Record<string, string>>;
}

/** Settings of runs, and the way to stop one. May be used for many runs, one after another. */
export class RunOptions {
  readonly #api: Api;
  #pointer: bigint | undefined;
  #runs = 0;
  #terminated = false;

  /** Use `runtime.createRunOptions(settings)`. */
  constructor(api: Api, { tag, entries = {} }: RunSettings) {
    this.#api = api;
    const pointer = api.created((out) => api.CreateRunOptions(out));
    this.#pointer = pointer;
    try {
      if (tag !== undefined) api.RunOptionsSetRunTag(pointer, tag);
      for (const [key, value] of Object.entries(entries)) api.AddRunConfigEntry(pointer, key, value);
    } catch (thrown) {
      this.dispose();
      throw thrown;
    }
  }

  get terminated(): boolean {
    return this.#terminated;
  }

  /** Stops runs with these options before their next operator: they reject with `terminated`. Later runs too. */
  terminate(): void {
    this.#api.RunOptionsSetTerminate(this.pointer);
    this.#terminated = true;
  }

  /** Makes the options usable again after `terminate`. */
  reset(): void {
    this.#api.RunOptionsUnsetTerminate(this.pointer);
    this.#terminated = false;
  }

  /** Throws `OrtError` (`in_use`) while a run uses it. Twice is harmless. */
  dispose(): void {
    if (this.#pointer === undefined) return;
    if (this.#runs > 0) throw new OrtError('in_use', 'the run options are in use by a run');
    this.#api.ReleaseRunOptions(this.#pointer);
    this.#pointer = undefined;
  }

  /** For this package. */
  get pointer(): bigint {
    if (this.#pointer === undefined) throw new OrtError('disposed', 'the run options were disposed of');
    return this.#pointer;
  }

  hold(): void {
    this.#runs += 1;
  }

  letGo(): void {
    this.#runs -= 1;
  }
}
