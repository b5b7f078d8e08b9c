import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DecoderConfig } from './architectures/config.js';
import { kvModes } from './compile/kv-format.js';
import { LaneCache, positionsFor } from './lane-cache.js';

const MIB = 2 ** 20;
const config = { layers: 4, kvHeads: 2, headDim: 64 } as DecoderConfig;
/** 4 KiB a token. */
const TOKEN_BYTES = 2 * 4 * 2 * 64 * 4;

describe('positionsFor', () => {
  it.runIf(process.platform === 'linux')('ends slots where pages end, so that none holds a page of another', () => {
    const positions = positionsFor(config, 'f32', 33);
    expect(positions).toBeGreaterThanOrEqual(33);
    expect(positionsFor(config, 'q8', 33)).toBeGreaterThanOrEqual(positions);
    const cache = new LaneCache(config, 'f32', 512, positions);
    const odd = Array.from({ length: 256 }, (_, index) => 2 * index + 1);
    for (const slot of odd) cache.copy(0, slot, positions);
    const full = residentBytes();
    for (const slot of odd) cache.release(slot, 0);
    // Of 48 MiB, 8 would stay where each array began and ended within a page.
    expect(full - residentBytes()).toBeGreaterThan(256 * positions * TOKEN_BYTES - 4 * MIB);
  });
});

describe('LaneCache.release', () => {
  it.runIf(process.platform === 'linux')('gives the memory of a slot back, all of it or what is behind a token', () => {
    const cache = new LaneCache(config, 'f32', 4, 16_384);
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

describe('LaneCache.copyOut', () => {
  it.each(kvModes)('gives what comes back into any slot bit for bit, kept as %s', (mode) => {
    const cache = new LaneCache(config, mode, 3, 64);
    const bytes = Uint8Array.from({ length: cache.copyBytes(20) }, (_, index) => (index * 31) % 120);
    cache.copyIn(0, { tokens: 20, bytes });
    // Passes may write over the first position meanwhile.
    cache.setAside(0);
    cache.copyIn(2, { tokens: 20, bytes: cache.copyOut(0, 20) });
    expect(cache.copyOut(2, 20)).toEqual(bytes);
    expect(cache.copyOut(2, 7)).toHaveLength(cache.copyBytes(7));
  });

  it.runIf(process.platform === 'linux')('leaves a slot whose memory goes back whole', () => {
    const cache = new LaneCache(config, 'f32', 2, 16_384);
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
