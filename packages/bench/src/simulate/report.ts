import { escapeXml, renderLinePlot } from '../report/line-plot.js';
import { figure } from '../report/table.js';
import type { CapacityResult } from './simulate.js';
import type { TrialResult } from './tally.js';

/** The files of a report by name: `report.html`, and the plots in it as SVG. */
export function renderReport(
  results: readonly CapacityResult[],
  heading: string,
  title = 'Simulated capacity',
): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const sections: string[] = [];
  for (const objective of new Set(results.map((one) => one.objective))) {
    const ofObjective = results.filter((one) => one.objective === objective);
    const tbtMs = ofObjective[0]!.tbtMs;
    const gaps = plot(ofObjective, `Time between tokens, P99 (${objective})`, 'gapP99Ms', {
      label: `objective ${figure(tbtMs)} ms`,
      y: tbtMs,
    });
    const firsts = plot(ofObjective, `Time to first token, P50 (${objective})`, 'ttftP50Ms', undefined);
    files.set(`gaps-${objective}.svg`, gaps);
    files.set(`first-tokens-${objective}.svg`, firsts);
    sections.push(
      `<h2>${escapeXml(objective)}: P99 time between tokens at most ${figure(tbtMs)} ms</h2>`,
      capacityBars(ofObjective),
      gaps,
      firsts,
    );
  }
  const style =
    'body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}' +
    'table{border-collapse:collapse}td,th{padding:.3em .8em;text-align:right;border-bottom:1px solid #ddd}' +
    'td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}';
  files.set(
    'report.html',
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escapeXml(title)}</title><style>${style}</style></head>\n` +
      `<body><h1>${escapeXml(title)}</h1>\n${heading
        .split('\n')
        .map((line) => `<p>${escapeXml(line)}</p>`)
        .join(
          '\n',
        )}\n<p>Capacity: the highest rate of Poisson arrivals at which the P99 time between tokens keeps the ` +
      `objective and half of the requests begin within 2 s.</p>\n${sections.join('\n')}\n</body></html>\n`,
  );
  return files;
}

function plot(
  results: readonly CapacityResult[],
  title: string,
  field: 'gapP99Ms' | 'ttftP50Ms',
  limit: { readonly label: string; readonly y: number } | undefined,
): string {
  const point = (trial: TrialResult) => ({ x: trial.ratePerSecond, y: trial[field] });
  return renderLinePlot({
    title,
    xLabel: 'requests a second',
    yLabel: 'milliseconds',
    series: results.map(({ subject, sweep }) => ({ name: subject, points: sweep.map(point).filter(({ y }) => y > 0) })),
    ...(limit === undefined ? {} : { limit }),
  });
}

function capacityBars(results: readonly CapacityResult[]): string {
  const rows = results.map(
    ({ subject, capacityPerSecond, atCapacity }) =>
      `<tr><td>${escapeXml(subject)}</td><td>${figure(capacityPerSecond)}</td><td>${figure(atCapacity?.ttftP50Ms)}</td>` +
      `<td>${figure(atCapacity?.gapP99Ms)}</td></tr>`,
  );
  return `<table><tr><th>policy</th><th>requests/s</th><th>TTFT P50 ms</th><th>gap P99 ms</th></tr>\n${rows.join('\n')}\n</table>`;
}
