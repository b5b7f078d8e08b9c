import { describe, expect, it } from 'vitest';
import { operatorTimes, profileTable } from './operator-profile.js';

const run = (ts: number, dur: number) => ({ cat: 'Session', name: 'model_run', ts, dur });
const node = (ts: number, dur: number, name: string, operator: string) => ({
  cat: 'Node',
  name: `${name}_kernel_time`,
  ts,
  dur,
  args: { op_name: operator },
});

describe('operatorTimes', () => {
  it('adds up the operators of the last passes by their place in a layer', () => {
    const warm = [run(0, 90_000), node(1, 80_000, 'layer0.qkv_out', 'MatMulNBits')];
    const pass = (ts: number) => [
      run(ts, 10_000),
      node(ts + 1, 3_000, 'layer0.qkv_out', 'MatMulNBits'),
      node(ts + 2, 4_000, 'layer17.qkv_out', 'MatMulNBits'),
      node(ts + 3, 1_000, 'layer3.gate', 'Split'),
    ];
    const times = operatorTimes([...warm, ...pass(100_000), ...pass(200_000)], 2);
    expect(times).toEqual({ passMs: 10, operatorMs: { 'MatMulNBits qkv': 7, Split: 1, between: 2 } });
  });
});

describe('profileTable', () => {
  it('leaves out what takes next to nothing in every pass', () => {
    const table = profileTable([{ subject: 'decode 1', passMs: 10, operatorMs: { Split: 9.95, Slice: 0.05 } }]);
    expect(table).toContain('| Split    |     9.95 |');
    expect(table).not.toContain('Slice');
  });
});
