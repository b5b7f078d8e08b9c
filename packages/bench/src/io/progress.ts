/** Says what a benchmark is doing while it does it. On standard error: standard output is for results. */
export interface Progress {
  /** A new stage begins. */
  stage(text: string): void;
  /** How far the stage is. */
  detail(text: string): void;
  /** The last stage is over. */
  end(): void;
}

/** One line rewritten in a terminal; elsewhere a line for each stage and none for details. */
export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let stage = '';
  const show = (detail: string): void => {
    const width = Math.max(20, (stream.columns ?? 80) - 1);
    stream.write(`\r\u001b[K${`${stage} ${detail}`.slice(0, width)}`);
  };
  if (!stream.isTTY) {
    return { stage: (text) => void stream.write(`${text}\n`), detail: () => undefined, end: () => undefined };
  }
  return {
    stage: (text) => {
      stage = text;
      show('');
    },
    detail: show,
    end: () => void stream.write('\r\u001b[K'),
  };
}
