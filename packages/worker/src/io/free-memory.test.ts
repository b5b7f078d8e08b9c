import { describe, expect, it } from 'vitest';
import { freeMemoryBytes } from './free-memory.js';

const over = (files: Readonly<Record<string, string>>) => (file: string) => files[file];

describe('freeMemoryBytes', () => {
  it('is what the machine has free where no group has a limit', () => {
    const files = { '/proc/self/cgroup': '0::/user\n', '/sys/fs/cgroup/user/memory.max': 'max\n' };
    expect(freeMemoryBytes(5_000, over({ ...files, '/sys/fs/cgroup/user/memory.current': '100\n' }))).toBe(5_000);
    expect(freeMemoryBytes(5_000, () => undefined)).toBe(5_000);
  });

  it('is what the tightest group on the way up leaves, file pages it could give up not counted', () => {
    const files = {
      '/proc/self/cgroup': '0::/pod/container\n',
      '/sys/fs/cgroup/pod/container/memory.max': '4000\n',
      '/sys/fs/cgroup/pod/container/memory.current': '1000\n',
      '/sys/fs/cgroup/pod/memory.max': '3000\n',
      '/sys/fs/cgroup/pod/memory.current': '1500\n',
      '/sys/fs/cgroup/pod/memory.stat': 'anon 900\ninactive_file 600\nactive_file 7\n',
    };
    expect(freeMemoryBytes(5_000, over(files))).toBe(3_000 - 900);
    expect(freeMemoryBytes(2_000, over(files))).toBe(2_000);
  });

  it('knows version 1 of control groups, as in a container that sees its own group as the root', () => {
    const files = {
      '/proc/self/cgroup': '5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '2000\n',
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': '2500\n',
      '/sys/fs/cgroup/memory/memory.stat': 'total_inactive_file 100\n',
    };
    expect(freeMemoryBytes(5_000, over(files))).toBe(0);
  });
});
