import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { type AccessFlags, accessArguments, addAccessFlags } from './access-flags.js';

const parse = (flags: readonly string[]): AccessFlags =>
  addAccessFlags(new Command())
    .exitOverride()
    .parse([...flags], { from: 'user' })
    .opts();

describe('accessArguments', () => {
  it('hands every flag of up on to its gateway', () => {
    const command = addAccessFlags(new Command());
    const number = /-(ms|max|requests)$/;
    const flags = command.options.flatMap(({ long = '' }) => [
      long,
      number.test(long) ? '7' : long === '--cors-origin' ? 'https://chat.example' : 'word',
    ]);
    const given = parse(flags);
    expect(Object.keys(given)).toHaveLength(command.options.length);
    expect(parse(accessArguments(given))).toEqual(given);
  });

  it('says nothing of those that were not given', () => {
    expect(accessArguments(parse([]))).toEqual([]);
  });
});
