import { describe, expect, it } from 'vitest';
import { parseWorkerAddress } from './worker-address.js';

describe('parseWorkerAddress', () => {
  it.each([
    ['host:1', 'host:1'],
    ['grpc://10.0.0.1:65535/', '10.0.0.1:65535'],
    ['[::1]:9000', '[::1]:9000'],
  ])('reads %s', (given, address) => {
    expect(parseWorkerAddress(given)).toBe(address);
  });

  it.each(['host', 'host:0', 'host:65536', ':9000', '::1:9000', 'a b:9000', 'http://host:9000', 'host:9000/x', ''])(
    'refuses %j',
    (given) => {
      expect(parseWorkerAddress(given)).toBeUndefined();
    },
  );
});
