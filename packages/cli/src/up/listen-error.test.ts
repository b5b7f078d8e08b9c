import net, { type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { checkPortIsFree } from './listen-error.js';

describe('checkPortIsFree', () => {
  it('names a port that is in use, and frees what it tried', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(checkPortIsFree('127.0.0.1', port)).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use; choose another with --port`,
    );
    await new Promise((resolve) => server.close(resolve));
    await checkPortIsFree('127.0.0.1', port);
    await checkPortIsFree('127.0.0.1', port);
  });
  it('names an address that is not of this machine', async () => {
    await expect(checkPortIsFree('192.0.2.1', 0)).rejects.toThrow('--host 192.0.2.1 is no address of this machine');
  });
});
