import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFile } from './log-file.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-log-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const contents = (name: string) => readFileSync(path.join(folder, name), 'utf8');

describe('LogFile', () => {
  it('appends to what is there', () => {
    for (const text of ['one\n', 'two\n']) {
      const log = new LogFile(path.join(folder, 'a', 'worker.log'));
      log.write(bytes(text));
      log.close();
    }
    expect(contents('a/worker.log')).toBe('one\ntwo\n');
  });
  it('keeps two files of at most the bound', () => {
    const log = new LogFile(path.join(folder, 'worker.log'), 10);
    for (const text of ['11111\n', '22222\n', '33333\n', '44\n']) log.write(bytes(text));
    log.close();
    expect([contents('worker.log'), contents('worker.log.1')]).toEqual(['33333\n44\n', '22222\n']);
  });
  it('goes on without a word when its disk fails', () => {
    const log = new LogFile(path.join(folder, 'worker.log'), 4);
    rmSync(folder, { recursive: true });
    log.write(bytes('123'));
    expect(() => log.write(bytes('456'))).not.toThrow();
    folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-log-'));
  });
});
