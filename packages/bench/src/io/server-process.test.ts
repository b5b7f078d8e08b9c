import { describe, expect, it } from 'vitest';
import { freePort, type ServerCommand, ServerProcess } from './server-process.js';

async function nodeServer(program: string, readyMsMax = 20_000): Promise<ServerCommand> {
  const port = await freePort();
  return {
    name: 'demo',
    command: process.execPath,
    args: ['-e', program, `${port}`],
    url: `http://127.0.0.1:${port}`,
    readyPath: '/ready',
    readyMsMax,
  };
}

const listen = (status: string): string => `
  let asked = 0;
  require('node:http').createServer((_, response) => { response.statusCode = ${status}; response.end(); })
    .listen(Number(process.argv.at(-1)));`;

describe('ServerProcess.start', () => {
  it('waits until the server says that it is ready, and leaves no process behind', async () => {
    const command = await nodeServer(listen('++asked < 3 ? 503 : 200'));
    const server = await ServerProcess.start(command);
    expect((await fetch(command.url)).status).toBe(200);
    await server.stop();
    await expect(fetch(command.url)).rejects.toThrow();
    expect(() => process.kill(server.pid!, 0)).toThrow('ESRCH');
  });

  it('ends a server that does not listen to reason', async () => {
    const server = await ServerProcess.start(await nodeServer(`process.on('SIGTERM', () => {}); ${listen('200')}`));
    await server.stop(50);
    expect(() => process.kill(server.pid!, 0)).toThrow('ESRCH');
  });

  it('shows the last lines of a server that ends at once', async () => {
    const command = await nodeServer(`console.error('cannot open model x.gguf'); process.exit(1)`);
    await expect(ServerProcess.start(command)).rejects.toThrow(/demo: ended before it was ready.*cannot open model/s);
  });

  it('says so when a server is never ready', async () => {
    await expect(ServerProcess.start(await nodeServer(listen('503'), 300))).rejects.toThrow('not ready within 0.3 s');
  });

  it('says so when there is no such program', async () => {
    const command = { ...(await nodeServer('')), command: '/no/such/program' };
    await expect(ServerProcess.start(command)).rejects.toThrow('ended before it was ready (/no/such/program)');
  });
});
