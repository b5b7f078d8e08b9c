import net, { type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { findPort } from './listen-error.js';

describe('findPort', () => {
  it('names a port that is in use, and frees what it tried', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(findPort('127.0.0.1', port)).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use; choose another with --port`,
    );
    await new Promise((resolve) => server.close(resolve));
    expect(await findPort('127.0.0.1', port)).toBe(port);
    expect(await findPort('127.0.0.1', port)).toBe(port);
  });
  it('chooses one for port 0', async () => {
    expect(await findPort('127.0.0.1', 0)).toBeGreaterThan(0);
  });
  it('names an address that is not of this machine', async () => {
    await expect(findPort('192.0.2.1', 0)).rejects.toThrow('--host 192.0.2.1 is no address of this machine');
  });
});
