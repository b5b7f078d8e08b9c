import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { PrefixIndex } from './prefix-index.js';
import { blocksOf, type PromptBlocks } from './prompt-blocks.js';

const MiB = 2 ** 20;
const prompt = (text: string): PromptBlocks => blocksOf({ kind: 'text', text });
/** A prompt of so many blocks that begins like no other of another name. */
const named = (name: string, blocks = 4): PromptBlocks =>
  prompt(`${name} `.repeat(256 * blocks).slice(0, 256 * blocks));

function indexOf(...workers: string[]): PrefixIndex {
  const index = new PrefixIndex(MiB);
  for (const id of workers) index.attach(id, 'epoch 1', 100 * MiB);
  return index;
}

describe('PrefixIndex.match', () => {
  it('knows how much of a prompt each worker was sent', () => {
    const index = indexOf('a', 'b', 'c');
    const shared = 'You are a helpful assistant. '.repeat(40);
    index.record('a', prompt(shared + 'x'.repeat(600)));
    index.record('b', prompt(`${shared.slice(0, 600)}and then something else${'y'.repeat(600)}`));
    expect(index.match(prompt(shared + 'x'.repeat(300)))).toEqual(
      new Map([
        ['a', 5],
        ['b', 2],
      ]),
    );
    expect(index.match(named('other'))).toEqual(new Map());
  });

  it('forgets a worker that is gone or has started again', () => {
    const index = indexOf('a', 'b');
    for (const id of ['a', 'b']) index.record(id, named('p'));
    index.attach('a', 'epoch 1', MiB);
    expect(index.match(named('p')).get('a')).toBe(4);
    index.attach('a', 'epoch 2', MiB);
    expect(index.match(named('p'))).toEqual(new Map([['b', 4]]));
    index.forget('b');
    expect(index.match(named('p'))).toEqual(new Map());
    expect([...index.workers.keys()]).toEqual(['a']);
  });

  it('expects of a worker no more than it can keep', () => {
    const index = new PrefixIndex(MiB);
    index.attach('a', 'epoch 1', 10 * 256);
    index.record('a', named('first'));
    index.record('a', named('second'));
    expect(index.match(named('first')).get('a')).toBe(4);
    index.record('a', named('first'));
    index.record('a', named('third'));
    index.record('a', named('fourth'));
    expect(index.match(named('second'))).toEqual(new Map());
    expect(index.match(named('first')).get('a')).toBe(4);
  });
});

describe('PrefixIndex.correct', () => {
  it('learns how much a worker keeps', () => {
    const index = new PrefixIndex(MiB);
    index.attach('a', 'epoch 1', MiB);
    for (let i = 0; i < 100; i++) index.record('a', named(`prompt ${i}`));
    expect(index.match(named('prompt 10')).get('a')).toBe(4);
    for (let i = 0; i < 20; i++) index.correct('a', 4, 0);
    expect(index.match(named('prompt 10')).get('a')).toBeUndefined();
    expect(index.match(named('prompt 99')).get('a')).toBe(4);
    for (let i = 0; i < 20; i++) index.correct('a', 0, 4);
    expect(index.match(named('prompt 10')).get('a')).toBe(4);
  });

  it('expects nothing any more of a worker that keeps nothing, until it keeps something', () => {
    const index = indexOf('a');
    for (let i = 0; i < 100; i++) index.correct('a', 4, 0);
    index.record('a', named('p'));
    index.record('a', named('q'));
    expect(index.match(named('p'))).toEqual(new Map());
    index.correct('a', 0, 4);
    expect(index.match(named('p')).get('a')).toBe(4);
  });
});

describe('PrefixIndex.record', () => {
  it('drops what was used longest ago, over all workers, and the end of a prompt before its beginning', () => {
    const index = new PrefixIndex(2 ** 16); // 2047 entries
    for (const id of ['a', 'b']) index.attach(id, 'epoch 1', 100 * MiB);
    index.record('a', named('old', 900));
    index.record('b', named('kept', 900));
    index.record('a', named('new', 500));
    expect(index.entries).toBe(2047);
    expect(index.match(named('old', 900)).get('a')).toBe(900 - (900 + 900 + 500 - 2047));
    expect(index.match(named('kept', 900)).get('b')).toBe(900);
    expect(index.match(named('new', 500)).get('a')).toBe(500);
  });

  it('agrees with a plain map of lists, whatever is recorded and forgotten', () => {
    const rng = seededRng(1);
    const index = new PrefixIndex(2 ** 16);
    const ids = ['a', 'b', 'c'];
    // Oldest first; an entry is worker, epoch and the text up to the end of a block.
    let entries: string[] = [];
    const epochs = new Map(ids.map((id) => [id, 1]));
    for (const id of ids) index.attach(id, 'epoch 1', 2 ** 36);
    const texts = Array.from(
      { length: 60 },
      (_, i) => `${i % 7}`.repeat(256 * (1 + rng.below(3))) + `${i}|`.repeat(4000),
    );
    for (let step = 0; step < 400; step++) {
      const id = ids[rng.below(3)]!;
      const text = texts[rng.below(texts.length)]!.slice(0, 256 * (1 + rng.below(40)));
      if (rng.below(40) === 0) {
        epochs.set(id, epochs.get(id)! + 1);
        index.attach(id, `epoch ${epochs.get(id)}`, 2 ** 36);
      }
      const names = Array.from(
        { length: text.length / 256 },
        (_, i) => `${id} ${epochs.get(id)} ${text.slice(0, 256 * (i + 1))}`,
      );
      const touched = new Set(names);
      entries = [...entries.filter((entry) => !touched.has(entry)), ...names.reverse()].slice(-2047);
      index.record(id, prompt(text));
      expect(index.entries).toBe(entries.length);
      const live = new Set(entries);
      const probe = texts[rng.below(texts.length)]!.slice(0, 256 * 40);
      const expected = ids.map((worker) => {
        let count = 0;
        while (live.has(`${worker} ${epochs.get(worker)} ${probe.slice(0, 256 * (count + 1))}`) && count < 40) count++;
        return count;
      });
      const found = index.match(prompt(probe));
      expect(ids.map((worker) => found.get(worker) ?? 0)).toEqual(expected);
    }
    expect(index.entries).toBe(2047);
  });

  it('holds its bound over a million prompts that nobody sent before', () => {
    const index = new PrefixIndex(8 * MiB);
    for (const id of ['a', 'b', 'c', 'd']) index.attach(id, 'epoch 1', 2 ** 36);
    const blocks = { count: 8, low: new Int32Array(8), high: new Int32Array(8), bytes: 2048 };
    const rng = seededRng(1);
    const send = (prompts: number): void => {
      for (let i = 0; i < prompts; i++) {
        for (let block = 0; block < 8; block++) {
          blocks.low[block] = rng.below(2 ** 32);
          blocks.high[block] = rng.below(2 ** 32);
        }
        index.record(['a', 'b', 'c', 'd'][i % 4]!, blocks);
      }
    };
    send(50_000);
    const heldBytes = (): number => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = heldBytes();
    send(950_000);
    expect(heldBytes() - before).toBeLessThan(8 * MiB);
    expect(index.bytes).toBeLessThanOrEqual(8 * MiB);
    expect(index.bytes).toBeGreaterThan(7.9 * MiB);
  });
});
