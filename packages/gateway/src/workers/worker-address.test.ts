import { describe, expect, it } from 'vitest';
import { parseWorkerAddress } from './worker-address.js';

describe('parseWorkerAddress', () => {
  it.each([
    ['host:1', 'host:1'],
    ['grpc://10.0.0.1:65535/', '10.0.0.1:65535'],
    ['[::1]:9000', '[::1]:9000'],
    ['http://host:8080', 'http://host:8080'],
    ['http://host:8080/v1', 'http://host:8080'],
    ['HTTPS://Host/llm/v1/', 'https://host/llm'],
    ['https://host:443/', 'https://host'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
  ])('reads %s', (given, address) => {
    expect(parseWorkerAddress(given)).toBe(address);
  });

  it.each([
    ...['host', 'host:0', 'host:65536', ':9000', '::1:9000', 'a b:9000', 'host:9000/x', ''],
    ...['http://', 'http://host:0', 'http://host:65536', 'http://name:word@host', 'http://host?a=b', 'http://host/#a'],
    ...['http://a b', `http://host/${'x'.repeat(2_000)}`, 'ftp://host:1'],
  ])('refuses %j', (given) => {
    expect(parseWorkerAddress(given)).toBeUndefined();
  });
});
