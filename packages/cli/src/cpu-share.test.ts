import { describe, expect, it } from 'vitest';
import { cpusAvailable, threadsPerWorker } from './cpu-share.js';

const files = (contents: Readonly<Record<string, string>>) => (file: string) => contents[file];

describe('threadsPerWorker', () => {
  it('shares evenly and gives everybody one at least', () => {
    expect([threadsPerWorker(1, 8), threadsPerWorker(3, 8), threadsPerWorker(9, 8)]).toEqual([8, 2, 1]);
  });
});

describe('cpusAvailable', () => {
  it('is the parallelism where there are no control groups', () => {
    expect(cpusAvailable(16, files({}))).toBe(16);
  });
  it('keeps to the quota of a version 2 group, rounded up', () => {
    const read = files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '250000 100000\n' });
    expect(cpusAvailable(16, read)).toBe(3);
  });
  it('keeps to the smallest quota on the way up', () => {
    const read = files({
      '/proc/self/cgroup': '0::/slice/unit\n',
      '/sys/fs/cgroup/slice/unit/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/slice/cpu.max': '200000 100000\n',
    });
    expect(cpusAvailable(16, read)).toBe(2);
  });
  it('keeps to the quota of a version 1 group', () => {
    const read = files({
      '/proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n3:memory:/x\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us': '-1\n',
    });
    expect(cpusAvailable(16, read)).toBe(4);
  });
  it('never exceeds the affinity mask and never falls under 1', () => {
    const read = (max: string) => files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': max });
    expect([cpusAvailable(2, read('800000 100000')), cpusAvailable(2, read('1000 100000'))]).toEqual([2, 1]);
  });
  it('finds at least one on this machine', () => {
    expect(cpusAvailable()).toBeGreaterThanOrEqual(1);
  });
});
