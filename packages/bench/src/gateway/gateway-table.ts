import { type Column, figure, renderTable } from '../report/table.js';
import type { GatewayResult } from './gateway.js';
import type { Spread } from './gateway-costs.js';

/** A table for each kind of load that was run. */
export function gatewayTable(results: readonly GatewayResult[]): string {
  const tables = [
    ['requests', requestColumns],
    ['streams', streamColumns],
    ['kill', killColumns],
  ] as const;
  return tables
    .flatMap(([load, columns]) => {
      const rows = results.filter((one) => one.load === load);
      return rows.length === 0 ? [] : [renderTable<GatewayResult>(columns, rows)];
    })
    .join('\n\n');
}

type GatewayColumn = Column<GatewayResult>;

const number = (title: string, cell: GatewayColumn['cell']): GatewayColumn => ({ title, align: 'right', cell });
const words = (title: string, cell: GatewayColumn['cell']): GatewayColumn => ({ title, align: 'left', cell });

const subject = words('gateway', ({ subject: name, version }) => (version === '' ? name : `${name} ${version}`));
const ratios = [
  number('× nginx', ({ measured }) => figure(measured?.ratioToNginx)),
  number('× best LLM gateway', ({ measured }) => figure(measured?.ratioToBestGateway)),
];
const busy = [
  number('machine busy', ({ measured }) => percent(measured?.busyRatio)),
  number('load, engine busy', ({ measured }) =>
    measured ? `${percent(measured.loadBusyRatio)}, ${percent(measured.engineBusyRatio)}` : '–',
  ),
];
const ends = words('errors / cut', ({ measured, unmeasured }) =>
  [
    measured === null ? [] : `${measured.errors} / ${measured.truncated} of ${measured.requests}`,
    measured?.faults.slice(0, 2) ?? [],
    unmeasured === null ? [] : oneLine(unmeasured),
  ]
    .flat()
    .join('; '),
);

const requestColumns: readonly GatewayColumn[] = [
  subject,
  number('CPU µs/request', ({ measured }) => figure(measured?.cpuUsPerRequest)),
  ...ratios,
  number('answer P50 / P99 ms', ({ measured }) => both(measured?.ttftMs)),
  number('added to it', ({ measured }) => both(measured?.addedTtftMs)),
  number('peak MB', ({ measured }) => figure(measured?.peakMb)),
  ...busy,
  ends,
];

const streamColumns: readonly GatewayColumn[] = [
  number('streams', ({ measured }) => `${measured?.streams ?? '–'}`),
  subject,
  number('CPU µs/token', ({ measured }) => figure(measured?.cpuUsPerToken)),
  ...ratios,
  number('first P50 / P99 ms', ({ measured }) => both(measured?.ttftMs)),
  number('added to it', ({ measured }) => both(measured?.addedTtftMs)),
  number('gap P50 / P99 ms', ({ measured }) => both(measured?.gapMs)),
  number('added to it', ({ measured }) => both(measured?.addedGapMs)),
  number('peak MB', ({ measured }) => figure(measured?.peakMb)),
  number('kB/stream', ({ measured }) => figure(measured?.kbPerStream)),
  ...busy,
  ends,
];

const killColumns: readonly GatewayColumn[] = [
  subject,
  number('on the killed engine', ({ kill }) => (kill ? `${kill.hit} of ${kill.streams}` : '–')),
  number('continued', ({ kill }) => `${kill?.continued ?? '–'}`),
  number('ended with an error', ({ kill }) => (kill ? `${kill.errorEvents + kill.otherErrors}` : '–')),
  number('cut silently', ({ kill }) => `${kill?.cut ?? '–'}`),
  number('failed of the next 64', ({ kill }) => `${kill?.laterFailed ?? '–'}`),
  words('faults', ({ kill, unmeasured }) => kill?.faults.join('; ') ?? oneLine(unmeasured ?? '')),
];

function both(pair: Spread | null | undefined): string {
  return pair === null || pair === undefined ? '–' : `${figure(pair.p50)} / ${figure(pair.p99)}`;
}

function percent(ratio: number | null | undefined): string {
  return ratio === null || ratio === undefined ? '–' : `${Math.round(100 * ratio)} %`;
}

/** A reason may carry the end of a program's output. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ⏎ ').replaceAll('|', '/');
}
