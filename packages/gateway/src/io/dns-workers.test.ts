import { createLog } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { watchDns } from './dns-workers.js';

const log = createLog('gateway');

/** Follows a name until `count` answers or complaints have come. */
async function follow(name: string, count: number) {
  const clock = new ManualClock();
  const answers: (readonly string[])[] = [];
  const complaints: string[] = [];
  await new Promise<void>((resolve) => {
    const onTurn = (): void => {
      if (answers.length + complaints.length >= count) resolve();
      // The next lookup is planned when this one is over.
      else setImmediate(() => clock.advance(5_000));
    };
    log.warn = ((_: object, message: string) => {
      complaints.push(message);
      onTurn();
    }) as typeof log.warn;
    const onAddresses = (found: readonly string[]): void => {
      answers.push(found);
      onTurn();
    };
    watchDns(name, onAddresses, clock, log);
  });
  return { answers, complaints };
}

describe('watchDns', () => {
  it('gives the addresses of a name with the port, again and again', async () => {
    const { answers } = await follow('localhost:9000', 2);
    expect(answers).toHaveLength(2);
    for (const found of answers) expect(found).toContain('127.0.0.1:9000');
  });

  it('gives addresses of upstreams for a name that is one of upstreams', async () => {
    const { answers } = await follow('http://localhost:8080', 1);
    expect(answers[0]).toContain('http://127.0.0.1:8080');
  });

  it('keeps quiet about addresses when a name cannot be resolved', async () => {
    const { answers, complaints } = await follow('no-such-host.invalid:9000', 1);
    expect(answers).toEqual([]);
    expect(complaints).toHaveLength(1);
  });
});
