import { escapeXml, renderLinePlot } from '../report/line-plot.js';
import { figure } from '../report/table.js';
import type { LongPromptResult } from './long-prompt.js';

/** Shown before the prompt and behind the last stream's wait for it. */
const BEFORE_SECONDS = 3;
const AFTER_SECONDS_MAX = 30;

/** A plot of the streams' gaps over time for each subject, all on the same axes, and a page of them all. */
export function renderLongPrompts(results: readonly LongPromptResult[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const shown = results.map(({ gaps }) =>
    gaps
      .map(({ atMs, gapMs }) => ({ x: atMs / 1000, y: gapMs }))
      .filter(({ x }) => x >= -BEFORE_SECONDS && x <= AFTER_SECONDS_MAX),
  );
  const all = shown.flat();
  const range = (pick: (point: { x: number; y: number }) => number): [number, number] =>
    all.reduce<[number, number]>(
      ([min, max], point) => [Math.min(min, pick(point)), Math.max(max, pick(point))],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    );
  const reach = all.length === 0 ? {} : { reach: { x: range(({ x }) => x)[1], y: range(({ y }) => y) } };
  const sections = results.map((result, index) => {
    const { subject, promptTokens, streams, tbtMs, beforeMs, afterMs, ttftMs } = result;
    const plot = renderLinePlot({
      title: `${subject}: ${promptTokens} prompt tokens among ${streams} streams`,
      xLabel: 'seconds since the prompt came',
      yLabel: 'milliseconds between two tokens of a stream',
      series: [{ name: 'gaps', points: shown[index]! }],
      limit: { label: `objective ${figure(tbtMs)} ms`, y: tbtMs },
      isScatter: true,
      xMin: -BEFORE_SECONDS,
      ...reach,
    });
    files.set(`long-prompt-${subject.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')}.svg`, plot);
    return (
      `<h2>${escapeXml(subject)}</h2><p>P99 before ${figure(beforeMs.p99)} ms, from its arrival to its first token ` +
      `${figure(afterMs.p99)} ms (longest ${figure(afterMs.max)}); first token after ${figure(ttftMs)} ms.</p>\n${plot}`
    );
  });
  files.set(
    'long-prompt.html',
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>A long prompt among streams</title>` +
      `<style>body{font-family:sans-serif;max-width:60em;margin:2em auto}svg{max-width:100%;height:auto}</style></head>\n` +
      `<body><h1>A long prompt among streams</h1>\n${sections.join('\n')}\n</body></html>\n`,
  );
  return files;
}
