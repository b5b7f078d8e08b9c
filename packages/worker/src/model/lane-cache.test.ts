import { readFileSync } from 'node:fs';
import { pageBytes } from '@sluice/ort';
import { describe, expect, it } from 'vitest';
import type { DecoderConfig } from './architectures/config.js';
import { kvLayout } from './compile/kv-layout.js';
import { LaneCache, positionsFor } from './lane-cache.js';

const MIB = 2 ** 20;
const config = { layers: 4, kvHeads: 2, headDim: 64 } as DecoderConfig;
const floats = kvLayout('f32', 'runtime', config);
const ownBytes = kvLayout('q8', 'own', config);
const layouts = [floats, kvLayout('f16', 'own', config), kvLayout('q8', 'runtime', config), ownBytes];
/** 4 KiB a token. */
const TOKEN_BYTES = 2 * 4 * 2 * 64 * 4;

describe('positionsFor', () => {
  it.runIf(process.platform === 'linux')('ends slots where pages end, so that none holds a page of another', () => {
    const positions = positionsFor(floats, 33);
    expect(positions).toBeGreaterThanOrEqual(33);
    const cache = new LaneCache(config, floats, 512, positions);
    const odd = Array.from({ length: 256 }, (_, index) => 2 * index + 1);
    for (const slot of odd) cache.copy(0, slot, positions);
    const full = residentBytes();
    for (const slot of odd) cache.release(slot, 0);
    // Of 48 MiB, 8 would stay where each array began and ended within a page.
    expect(full - residentBytes()).toBeGreaterThan(256 * positions * TOKEN_BYTES - 4 * MIB);
  });
});

describe.each(layouts)('positionsFor $type', (layout) => {
  it('has room for all tokens, in whole blocks and pages', () => {
    for (const tokens of [1, 33, 4_096, 4_097]) {
      const positions = positionsFor(layout, tokens);
      expect(positions).toBeGreaterThanOrEqual(tokens);
      expect(positions % layout.blockTokens).toBe(0);
      const { buffer } = new LaneCache({ ...config, layers: 1 }, layout, 1, positions).copyOut(0, positions);
      expect((buffer.byteLength / (2 * config.kvHeads)) % pageBytes()).toBe(0);
    }
  });
});

describe('LaneCache.release', () => {
  it.runIf(process.platform === 'linux')('gives the memory of a slot back, all of it or what is behind a token', () => {
    const cache = new LaneCache(config, floats, 4, 16_384);
    const empty = residentBytes();
    for (const slot of [1, 2, 3]) cache.copy(0, slot, 16_384);
    const full = residentBytes();
    expect(full - empty).toBeGreaterThan(3 * 16_000 * TOKEN_BYTES);
    cache.release(1, 0);
    const less = residentBytes();
    expect(full - less).toBeGreaterThan(16_000 * TOKEN_BYTES - 4 * MIB);
    cache.release(2, 8_192);
    expect(less - residentBytes()).toBeGreaterThan(8_000 * TOKEN_BYTES - 4 * MIB);
  });
});

describe('LaneCache.prepare', () => {
  it.runIf(process.platform === 'linux')('has all memory there of the first positions, and little more', () => {
    const cache = new LaneCache(config, ownBytes, 4, 16_384);
    const empty = residentBytes();
    cache.prepare(1, 8_192);
    const taken = residentBytes() - empty;
    const bytes = cache.copyBytes(8_192);
    expect(taken).toBeGreaterThan(bytes - MIB);
    expect(taken).toBeLessThan(bytes + 4 * MIB);
  });
});

describe('LaneCache.copyOut', () => {
  it.each(layouts)('gives what comes back into any slot bit for bit, kept as $type', (layout) => {
    const cache = new LaneCache(config, layout, 3, 64);
    const bytes = Uint8Array.from({ length: cache.copyBytes(20) }, (_, index) => (index * 31) % 120);
    cache.copyIn(0, { tokens: 20, bytes });
    // Passes may write over the first position meanwhile.
    cache.setAside(0);
    cache.copyIn(2, { tokens: 20, bytes: cache.copyOut(0, 20) });
    expect(cache.copyOut(2, 20)).toEqual(bytes);
    expect(cache.copyOut(2, 7)).toHaveLength(cache.copyBytes(7));
  });

  it('copies whole blocks, and leaves what is behind them', () => {
    const cache = new LaneCache(config, ownBytes, 2, 64);
    const all = (value: number) => new Uint8Array(cache.copyBytes(64)).fill(value);
    cache.copyIn(0, { tokens: 64, bytes: all(1) });
    cache.copyIn(1, { tokens: 64, bytes: all(2) });
    cache.copy(0, 1, 17);
    const copied = cache.copyOut(1, 64);
    const head = copied.subarray(0, 64 * ownBytes.positionLength);
    expect(head.lastIndexOf(1)).toBe(32 * ownBytes.positionLength - 1);
    expect(head.indexOf(2)).toBe(32 * ownBytes.positionLength);
    expect(cache.copyBytes(17)).toBe(copied.length / 2);
  });

  it.runIf(process.platform === 'linux')('leaves a slot whose memory goes back whole', () => {
    const cache = new LaneCache(config, floats, 2, 16_384);
    cache.copy(0, 1, 16_384);
    const copied = cache.copyOut(1, 4_096);
    const full = residentBytes();
    cache.release(1, 0);
    expect(full - residentBytes()).toBeGreaterThan(16_000 * TOKEN_BYTES - 4 * MIB);
    expect(copied).toHaveLength(4_096 * TOKEN_BYTES);
  });
});

function residentBytes(): number {
  return Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]) * 4096;
}
