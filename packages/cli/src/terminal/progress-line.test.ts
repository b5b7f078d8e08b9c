import { describe, expect, it } from 'vitest';
import { ProgressLine, type ProgressSink, renderProgress } from './progress-line.js';

function lineOn(isTTY: boolean) {
  const written: string[] = [];
  let nowMs = 0;
  const sink: ProgressSink = { isTTY, columns: 60, write: (text: string) => written.push(text) };
  const line = new ProgressLine(sink, () => nowMs);
  const tick = (ms: number): void => {
    nowMs += ms;
  };
  return { written, line, tick };
}

const fetching = (done: number, total: number | undefined = 92_000_000) => ({ phase: 'fetching', done, total });

describe('ProgressLine, not on a terminal', () => {
  it('writes a line when a phase begins and every 10 %', () => {
    const { written, line, tick } = lineOn(false);
    for (let percent = 0; percent <= 100; percent++) {
      line.update(fetching(percent * 920_000));
      tick(200);
    }
    expect(written).toHaveLength(11);
    expect(written[0]).toBe('fetching: 0 % (0.0 MB of 92.0 MB)\n');
    expect(written.at(-1)).toBe('fetching: 100 % (92.0 MB of 92.0 MB)\n');
  });
  it('writes one line of a phase that is over at once', () => {
    const { written, line } = lineOn(false);
    for (let percent = 0; percent <= 100; percent++) line.update(fetching(percent * 920_000));
    expect(written).toEqual(['fetching: 0 % (0.0 MB of 92.0 MB)\n']);
  });
  it('starts again with the next phase', () => {
    const { written, line } = lineOn(false);
    line.update(fetching(92_000_000));
    line.update({ phase: 'compiling', done: 1, total: 30 });
    expect(written.at(-1)).toBe('compiling: 3 % (1 of 30)\n');
  });
  it('writes one line of a phase whose length nobody knows', () => {
    const { written, line } = lineOn(false);
    for (let done = 0; done < 1000; done++) line.update({ phase: 'fetching', done, total: undefined });
    expect(written).toEqual(['fetching: …\n']);
  });
});

describe('ProgressLine, on a terminal', () => {
  it('paints over its line, within the width and not too often', () => {
    const { written, line, tick } = lineOn(true);
    for (let step = 0; step < 100; step++) {
      line.update(fetching(step * 1000));
      tick(10);
    }
    expect(written.length).toBeLessThanOrEqual(14);
    for (const text of written) {
      expect(text.startsWith('\r\x1b[K')).toBe(true);
      expect(text.length).toBeLessThan(60 + '\r\x1b[K'.length);
      expect(text).not.toContain('\n');
    }
  });
  it('always shows the end, and leaves nothing when cleared', () => {
    const { written, line } = lineOn(true);
    line.update(fetching(0));
    line.update(fetching(92_000_000));
    expect(written.at(-1)).toContain('100 %');
    line.clear();
    line.clear();
    expect(written.at(-1)).toBe('\r\x1b[K');
    expect(written).toHaveLength(3);
  });
});

describe('renderProgress', () => {
  it('shows a fraction as percents only', () => {
    expect(renderProgress({ phase: 'compile', done: 0.5, total: 1 })).toMatch(/^compile {2}━+─+ {2}50 %$/);
  });
  it('draws no more than a full bar', () => {
    expect(renderProgress(fetching(200_000_000))).toContain(`${'━'.repeat(28)}  100 %`);
  });
});
