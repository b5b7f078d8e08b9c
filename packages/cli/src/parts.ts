import type { Progress } from './supervisor/messages.js';

// The packages that do the work, loaded when a command needs them: `sluice chat` does not wait for ONNX Runtime to load.

export interface WorkerOptions {
  readonly model: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly threads: number;
  /** Most tokens of prompt and output of one sequence; undefined: as many as the model was made for, within reason. */
  readonly context?: number;
  /** Sequences that run side by side; undefined: the worker's own default. */
  readonly slots?: number;
  readonly weights: 'q8' | 'q4' | 'f32';
  readonly onProgress: (progress: Progress) => void;
}

export interface RunningWorker {
  readonly address: string;
  readonly port: number;
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface FetchProgress {
  readonly phase: 'wait' | 'download' | 'unpack' | 'verify';
  readonly what: string;
  readonly bytesDone: number;
  readonly bytesTotal: number | undefined;
}

export interface ResolveOptions {
  readonly cacheFolder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (progress: FetchProgress) => void;
}

export interface ResolvedModel {
  readonly path: string;
  readonly name: string;
}

interface WorkerPart {
  startWorker(options: WorkerOptions): Promise<RunningWorker>;
  resolveModel(name: string, options: ResolveOptions): Promise<ResolvedModel>;
}

export async function workerPart(): Promise<WorkerPart> {
  return (await import('@sluice/worker')) as unknown as WorkerPart;
}
