import { describe, expect, it } from 'vitest';
import { parseProcessors, processorsFor } from './processors.js';

describe('processorsFor', () => {
  it('gives each thread a processor where the worker has as many threads as it may run on', () => {
    expect(processorsFor(2, 'auto', [0, 1])).toEqual([0, 1]);
    expect(processorsFor(3, 'auto', [4, 5, 7])).toEqual([4, 5, 7]);
  });

  it('leaves it to the system where others have processors, or somebody says so', () => {
    expect(processorsFor(1, 'auto', [0, 1])).toBeUndefined();
    expect(processorsFor(4, 'auto', [0, 1])).toBeUndefined();
    expect(processorsFor(2, 'off', [0, 1])).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('reads what this process may run on', () => {
    const one = Array.from({ length: 1024 }, (_, count) => processorsFor(count, 'auto')).filter((list) => list);
    expect(one).toHaveLength(1);
  });
});

describe('parseProcessors', () => {
  it('reads numbers and ranges', () => {
    expect(parseProcessors('0-3,8')).toEqual([0, 1, 2, 3, 8]);
    expect(parseProcessors('5')).toEqual([5]);
  });
});
