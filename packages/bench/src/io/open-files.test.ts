import { describe, expect, it } from 'vitest';
import { parseOpenFilesMax } from './open-files.js';

describe('parseOpenFilesMax', () => {
  const limits = (soft: string, hard: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     
Max processes             95883                95883                processes 
Max open files            ${soft.padEnd(20)} ${hard.padEnd(20)} files     
`;

  it('reads the limit to which a process may raise its own', () => {
    expect(parseOpenFilesMax(limits('1024', '524288'))).toBe(524_288);
    expect(parseOpenFilesMax(limits('1024', 'unlimited'))).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('makes nothing up', () => {
    expect(parseOpenFilesMax('Limit  Soft Limit')).toBeUndefined();
  });
});
