import { describe, expect, it } from 'vitest';
import { decimal, httpAddress, oneOf, UsageError, wholeNumber, word, workerAddress, workerName } from './flags.js';

describe('wholeNumber', () => {
  const parse = wholeNumber('--port', 0, 65535);
  it('takes both bounds', () => {
    expect([parse('0'), parse('65535')]).toEqual([0, 65535]);
  });
  it.each(['-1', '65536', '1.5', '1e3', '0x10', '', ' 1', 'many', '99999999999999999999'])('refuses %j', (value) => {
    expect(() => parse(value)).toThrow(UsageError);
  });
  it('names flag, value and bounds', () => {
    expect(() => parse('70000')).toThrow('--port 70000 must be a whole number from 0 to 65535');
  });
});

describe('decimal', () => {
  const parse = decimal('--temperature', 0, 2);
  it('takes numbers with and without a fraction', () => {
    expect(['0', '2', '0.7', '.5', '1.'].map(parse)).toEqual([0, 2, 0.7, 0.5, 1]);
  });
  it.each(['-0.1', '2.01', 'warm', '', '1e0', 'NaN', '.'])('refuses %j', (value) => {
    expect(() => parse(value)).toThrow(UsageError);
  });
});

describe('oneOf', () => {
  it('names the choices', () => {
    expect(() => oneOf('--weights', ['q8', 'f32'])('q5')).toThrow('--weights q5 must be one of q8, f32');
    expect(oneOf('--weights', ['q8', 'f32'])('f32')).toBe('f32');
  });
});

describe('word', () => {
  it('refuses white space and shows it', () => {
    expect(() => word('--host')('a b')).toThrow('--host "a b" must not be empty nor hold white space');
  });
});

describe('httpAddress', () => {
  it.each([
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000'],
    ['http://127.0.0.1:8000/', 'http://127.0.0.1:8000'],
    ['https://host/v1', 'https://host'],
    ['https://host/llm/v1/', 'https://host/llm'],
  ])('%s is %s', (given, wanted) => {
    expect(httpAddress('--url')(given)).toBe(wanted);
  });
  it.each(['127.0.0.1:8000', 'localhost:8000', 'ftp://host', ''])('refuses %j', (value) => {
    expect(() => httpAddress('--url')(value)).toThrow(UsageError);
  });
});

describe('workerAddress', () => {
  const parse = workerAddress('--worker');
  it('collects addresses with and without the scheme', () => {
    const first = parse('grpc://127.0.0.1:9000', []);
    expect(parse('worker-2:9001', first)).toEqual(['127.0.0.1:9000', 'worker-2:9001']);
    expect(parse('grpc://[::1]:9000', [])).toEqual(['[::1]:9000']);
  });
  it.each(['http://host:8080', 'https://host/llm/v1'])('takes %s as it is', (address) => {
    expect(parse(address, [])).toEqual([address]);
  });
  it.each([
    ...['127.0.0.1', 'host:0', 'host:65536', ':9000', '::1:9000', ''],
    ...['http://', 'http://host:0', 'http://name:word@host', 'http://host/?a', 'http://host/#a', 'ftp://host:1'],
  ])('refuses %j', (value) => {
    expect(() => parse(value, [])).toThrow(UsageError);
  });
});

describe('workerName', () => {
  const parse = workerName('--worker-dns');
  it('keeps whether workers or upstreams are meant', () => {
    expect(parse('http://b:2', parse('grpc://a:1', []))).toEqual(['a:1', 'http://b:2']);
  });
  it.each(['a', 'https://a:1', 'http://a:1/x', 'http://a'])('refuses %j', (value) => {
    expect(() => parse(value, [])).toThrow(UsageError);
  });
});
