import type { ServerCommand } from '../io/server-process.js';

/** Something that serves completions over HTTP. */
export interface Subject {
  /** Unique in a run: `sluice`, `llama-server f16 b512`. */
  readonly name: string;
  /** Ours, or a peer. */
  readonly own: boolean;
  readonly where: /** Started for each measurement, for this many requests at once, on this port, and stopped after it. */
    | { readonly kind: 'start'; readonly command: (concurrency: number, port: number) => ServerCommand }
    /** Somebody else's process: its CPU and memory are not measured. */
    | { readonly kind: 'running'; readonly url: string };
}
