import { describe, expect, it } from 'vitest';
import type { GatewayResult } from './gateway.js';
import { gatewayTable } from './gateway-table.js';

const result = (changes: Partial<GatewayResult>): GatewayResult => ({
  subject: 'sluice',
  own: true,
  version: '',
  load: 'streams',
  measured: null,
  roundsCpuUs: [],
  kill: null,
  unmeasured: null,
  ...changes,
});

describe('gatewayTable', () => {
  it('keeps a row for what could not be measured, with the reason on one line', () => {
    const table = gatewayTable([
      result({ subject: 'smg', version: '1.13.0', unmeasured: 'pip failed (1):\n  no | network\n' }),
    ]);
    const [row] = table.split('\n').slice(2);
    expect(table.split('\n')).toHaveLength(3);
    expect(row).toContain('smg 1.13.0');
    expect(row).toContain('pip failed (1): ⏎ no / network');
  });

  it('gives each kind of load a table, and none to what was not run', () => {
    const kill = {
      streams: 64,
      hit: 32,
      cut: 1,
      errorEvents: 2,
      otherErrors: 3,
      continued: 26,
      laterFailed: 7,
      faults: ['status 500'],
    };
    const tables = gatewayTable([result({ load: 'requests' }), result({ load: 'kill', kill })]).split('\n\n');
    expect(tables).toHaveLength(2);
    expect(tables[0]).toContain('CPU µs/request');
    const cells = tables[1]!
      .split('\n')[2]!
      .split('|')
      .map((cell) => cell.trim());
    expect(cells.slice(1, -1)).toEqual(['sluice', '32 of 64', '26', '5', '1', '7', 'status 500']);
  });
});
