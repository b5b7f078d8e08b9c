import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { annotations, generalKeywords, keywordsOfType } from './json-schema.js';

const page = readFileSync(new URL('../../../../../docs/structured-output.md', import.meta.url), 'utf8');

describe('docs/structured-output.md', () => {
  it('has a row for every keyword that is taken, and for no other', () => {
    const table = page.slice(page.indexOf('<!-- keywords -->'), page.indexOf('Annotations change nothing'));
    const named = table
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...line.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, keyword]) => keyword));
    expect(named.sort()).toEqual([...generalKeywords, ...Object.values(keywordsOfType).flat()].sort());
  });

  it('names every annotation', () => {
    const paragraph = page.slice(page.indexOf('Annotations change nothing'), page.indexOf('All other keywords'));
    const named = [...paragraph.matchAll(/`([^`]+)`/g)].map(([, keyword]) => keyword);
    expect(named).toEqual([...annotations, 'x-']);
  });
});
