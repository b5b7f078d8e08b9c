import { describe, expect, it } from 'vitest';
import { figure, renderTable } from './table.js';

describe('renderTable', () => {
  it('is a Markdown table with straight columns', () => {
    const table = renderTable<{ name: string; speed: number }>(
      [
        { title: 'subject', align: 'left', cell: (row) => row.name },
        { title: 'tok/s', align: 'right', cell: (row) => figure(row.speed) },
      ],
      [
        { name: 'sluice', speed: 1234.5 },
        { name: 'a longer name', speed: 9.876 },
      ],
    );
    expect(table.split('\n')).toEqual([
      '| subject       | tok/s |',
      '| :------------ | ----: |',
      '| sluice        | 1,235 |',
      '| a longer name |  9.88 |',
    ]);
  });
});

describe('figure', () => {
  it.each([
    [1_234_567, '1,234,567'],
    [99.94, '99.9'],
    [0.5, '0.50'],
    [0, '0.00'],
    [null, '–'],
    [undefined, '–'],
    [Number.NaN, '–'],
  ])('writes %s as %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });
});
