import type { Progress } from '../supervisor/messages.js';

/** What a progress line is written to; `process.stderr` fits. */
export interface ProgressSink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const barCells = 28;
/** A terminal is repainted this often at most; elsewhere, lines of one phase come this often at most. */
const repaintMs = 80;
const lineMs = 1000;

/**
 * Shows how far something has come: on a terminal one line that is painted over, elsewhere a line at the start of a
 * phase and every 10 %, as far as it lasts.
 */
export class ProgressLine {
  readonly #sink: ProgressSink;
  readonly #nowMs: () => number;
  #phase: string | undefined;
  #tenths = 0;
  #shownMs = Number.NEGATIVE_INFINITY;
  #isPainted = false;

  constructor(sink: ProgressSink, nowMs: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#nowMs = nowMs;
  }

  update(progress: Progress): void {
    const isNew = progress.phase !== this.#phase;
    this.#phase = progress.phase;
    if (this.#sink.isTTY) this.#paint(progress, isNew);
    else this.#print(progress, isNew);
  }

  /** Takes the line off the terminal, before something else is written. */
  clear(): void {
    if (this.#isPainted) this.#sink.write('\r\x1b[K');
    this.#isPainted = false;
    this.#phase = undefined;
    this.#shownMs = Number.NEGATIVE_INFINITY;
  }

  #paint(progress: Progress, isNew: boolean): void {
    const isDone = progress.total !== undefined && progress.done >= progress.total;
    if (!isNew && !isDone && this.#nowMs() - this.#shownMs < repaintMs) return;
    this.#shownMs = this.#nowMs();
    this.#isPainted = true;
    // One column short of the edge: a terminal that wraps could not be painted over.
    this.#sink.write(`\r\x1b[K${renderProgress(progress).slice(0, (this.#sink.columns ?? 80) - 1)}`);
  }

  #print(progress: Progress, isNew: boolean): void {
    const tenths = progress.total ? Math.floor((progress.done / progress.total) * 10) : 0;
    if (!isNew && (tenths <= this.#tenths || this.#nowMs() - this.#shownMs < lineMs)) return;
    this.#tenths = tenths;
    this.#shownMs = this.#nowMs();
    this.#sink.write(`${progress.phase}: ${amount(progress)}\n`);
  }
}

/** `fetching  ━━━━━━━───────  25 %  23.2 of 92.9 MB`, or without a bar where the total is unknown. */
export function renderProgress(progress: Progress): string {
  const { phase, done, total } = progress;
  if (!total) return `${phase}  ${amount(progress)}`;
  const cells = Math.round(Math.min(1, done / total) * barCells);
  return `${phase}  ${'━'.repeat(cells)}${'─'.repeat(barCells - cells)}  ${amount(progress)}`;
}

function amount({ done, total }: Progress): string {
  if (!total) return done > 0 ? megabytes(done) : '…';
  const percent = `${Math.floor(Math.min(1, done / total) * 100)} %`;
  // A total of 1 is a fraction's; small ones count things (tensors, layers), large ones bytes.
  if (total === 1) return percent;
  return total < 100_000
    ? `${percent} (${done} of ${total})`
    : `${percent} (${megabytes(done)} of ${megabytes(total)})`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
