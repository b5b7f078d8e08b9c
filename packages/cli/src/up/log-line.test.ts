import { describe, expect, it } from 'vitest';
import { problemOf } from './log-line.js';

describe('problemOf', () => {
  it('gives the message of errors only', () => {
    expect(problemOf('{"level":50,"msg":"out of memory"}')).toBe('out of memory');
    expect(problemOf('{"level":30,"msg":"request"}')).toBeUndefined();
  });
  it.each(['', '    at Object.<anonymous>', '{broken', '{"level":"high","msg":"x"}', '{"level":50}', 'null'])(
    'leaves %j to the log file',
    (line) => {
      expect(problemOf(line)).toBeUndefined();
    },
  );
});
