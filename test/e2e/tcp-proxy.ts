import net, { type AddressInfo, type Socket } from 'node:net';

/** A cable between a gateway and a worker that a test can break. */
export interface TcpProxy {
  /** `host:port` to connect to. */
  readonly address: string;
  /** From now on nothing passes, and nobody is told. */
  swallow(): void;
  /** Every connection is reset, and new ones are refused until it is mended. */
  cut(): void;
  /** New connections pass; those from before stay dead. */
  mend(): void;
  close(): void;
}

export async function startTcpProxy(port: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isBroken = false;
  const server = net.createServer((near) => {
    if (isBroken) {
      near.destroy();
      return;
    }
    const far = net.connect(port, '127.0.0.1');
    near.pipe(far);
    far.pipe(near);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const drop = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    swallow: () => {
      isBroken = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    cut: () => {
      isBroken = true;
      drop();
    },
    mend: () => {
      isBroken = false;
    },
    close: () => {
      drop();
      server.close();
    },
  };
}
