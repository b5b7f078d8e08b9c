import { describe, expect, it } from 'vitest';
import { createLog, type Logger, logJson } from './log.js';

/** A log, and the lines that it has written without their times. */
function recorded(fields: Record<string, unknown> = {}) {
  const lines: string[] = [];
  const write = (text: string): number => lines.push(text.replace(/"time":"[^"]+"/, '"time"'));
  return { log: createLog('test', fields, { destination: { write } }), lines };
}

describe('logJson', () => {
  it.each([{}, { process: 3, name: 'a "quoted"\nname' }])(
    'writes the line that the log itself would write, beside %j',
    (base) => {
      const { log, lines } = recorded(base);
      log.level = 'debug';
      const fields = { requestId: 'req-1', caller: 'Zoë "Z" \u0001\u2028', status: 200, ttftMs: 1.5 };
      for (const level of ['info', 'debug'] as const) {
        log[level](fields, 'request');
        logJson(log, level, JSON.stringify(fields).slice(1, -1), 'request');
      }
      expect(lines).toHaveLength(4);
      expect(lines[1]).toBe(lines[0]);
      expect(lines[3]).toBe(lines[2]);
      expect(lines[0]).toMatch(/^\{"level":30,"time",.*"msg":"request"\}\n$/s);
    },
  );

  it('writes nothing that is below the level of the log', () => {
    const { log, lines } = recorded();
    log.level = 'info';
    logJson(log, 'debug', '"a":1', 'quiet');
    logJson(log, 'info', '"a":1', 'said');
    expect(lines).toHaveLength(1);
  });

  it('tells a log that was made elsewhere in its own way', () => {
    const told: unknown[] = [];
    const other = { info: (...given: unknown[]) => told.push(...given) } as unknown as Logger;
    logJson(other, 'info', '"a":1,"b":"x"', 'said');
    expect(told).toEqual([{ a: 1, b: 'x' }, 'said']);
  });
});
