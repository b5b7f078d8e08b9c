import { defaultRouting, routingNames } from '@sluice/gateway';
import {
  defaultObjectives,
  defaultPolicy,
  executorModes,
  kernelWishes,
  kvWishes,
  OBJECTIVE_MS_MAX,
  pinModes,
  policyNames,
  speculationModes,
} from '@sluice/worker';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addModelFlags, addRoutingFlag, type ModelFlags, routings, schedulers } from './serving-flags.js';

describe('addModelFlags', () => {
  it('offers the schedulers and objectives that the worker has', () => {
    expect(schedulers).toEqual(policyNames);
    expect(parse()).toMatchObject({ scheduler: defaultPolicy, ...defaultObjectives });
    const flags = ['--scheduler', 'vtc', '--ttft-ms', '1', '--tbt-ms', String(OBJECTIVE_MS_MAX)];
    expect(parse(...flags)).toMatchObject({ scheduler: 'vtc', ttftMs: 1, tbtMs: OBJECTIVE_MS_MAX });
  });

  it('keeps keys and values in 32-bit floats, or as the worker can', () => {
    expect(parse().kv).toBe('auto');
    for (const kv of kvWishes) expect(parse('--kv', kv).kv).toBe(kv);
  });

  it('takes own operators where they can be had, or as the worker can', () => {
    expect(parse().kernels).toBe('auto');
    for (const wish of kernelWishes) expect(parse('--kernels', wish).kernels).toBe(wish);
  });

  it('shares passes out as the worker can', () => {
    expect(parse().executors).toBe('auto');
    for (const mode of executorModes) expect(parse('--executors', mode).executors).toBe(mode);
  });

  it('binds threads as the worker can', () => {
    expect(parse().pin).toBe('auto');
    for (const mode of pinModes) expect(parse('--pin', mode).pin).toBe(mode);
  });

  it('guesses tokens as the worker can, unless told otherwise', () => {
    expect(parse().speculation).toBe('ngram');
    for (const mode of speculationModes) expect(parse('--speculation', mode).speculation).toBe(mode);
  });

  it.each([
    [['--scheduler', 'best'], '--scheduler best must be one of slo, sarathi, prefill-first'],
    [['--ttft-ms', '0'], '--ttft-ms 0 must be a whole number from 1 to 3600000'],
    [['--tbt-ms', '3600001'], '--tbt-ms 3600001 must be a whole number from 1 to 3600000'],
    [['--kv', 'q4'], '--kv q4 must be one of auto, f32, f16, q8'],
    [['--executors', 'two'], '--executors two must be one of auto, wide, narrow'],
    [['--pin', '0'], '--pin 0 must be one of auto, off'],
    [['--speculation', 'on'], '--speculation on must be one of ngram, off'],
    [['--token-budget', '0'], '--token-budget 0 must be a whole number from 17 to 65536'],
  ])('refuses %j in one line', (flags, message) => {
    expect(() => parse(...flags)).toThrow(message);
  });
});

describe('addRoutingFlag', () => {
  const parseRouting = (...flags: string[]): object =>
    addRoutingFlag(new Command()).exitOverride().parse(flags, { from: 'user' }).opts();

  it('offers the policies that the gateway has', () => {
    expect(routings).toEqual(routingNames);
    expect(parseRouting()).toEqual({ routing: defaultRouting });
    expect(parseRouting('--routing', 'session')).toEqual({ routing: 'session' });
  });

  it('refuses others in one line', () => {
    expect(() => parseRouting('--routing', 'best')).toThrow('--routing best must be one of ttft, round-robin, random');
  });
});

function parse(...flags: string[]): ModelFlags {
  return addModelFlags(new Command()).exitOverride().parse(flags, { from: 'user' }).opts();
}
