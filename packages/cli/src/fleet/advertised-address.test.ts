import { describe, expect, it } from 'vitest';
import { advertisedAddress } from './advertised-address.js';

function address(family: 'IPv4' | 'IPv6', text: string, internal = false) {
  return { family, address: text, internal, netmask: '', mac: '', cidr: null, scopeid: 0 } as const;
}

const interfaces = {
  lo: [address('IPv4', '127.0.0.1', true)],
  eth0: [address('IPv6', 'fe80::1'), address('IPv4', '10.1.2.3')],
} as unknown as NodeJS.Dict<import('node:os').NetworkInterfaceInfo[]>;

describe('advertisedAddress', () => {
  it('is what the operator said', () => {
    expect(advertisedAddress({ host: '0.0.0.0', advertise: 'gpu-7:1' }, 9000, interfaces)).toBe('gpu-7:1');
  });

  it('is where the worker listens', () => {
    expect(advertisedAddress({ host: '192.168.0.9' }, 9000, interfaces)).toBe('192.168.0.9:9000');
    expect(advertisedAddress({ host: '::1' }, 9000, interfaces)).toBe('[::1]:9000');
  });

  it('is one that others reach when it listens everywhere', () => {
    expect(advertisedAddress({ host: '0.0.0.0' }, 9000, interfaces)).toBe('10.1.2.3:9000');
    expect(advertisedAddress({ host: '::' }, 9000, { lo: interfaces.lo })).toBe('127.0.0.1:9000');
  });
});
