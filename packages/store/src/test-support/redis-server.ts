import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { cacheFolder } from '@sluice/shared';
import { Redis } from 'ioredis';

export interface RedisServerOptions {
  readonly password?: string;
  /** TLS only, with a certificate for localhost of its own; see {@link RedisServer.caFile}. */
  readonly tls?: boolean;
  /** A cluster of this one node, which has all slots. */
  readonly cluster?: boolean;
  /** Whether each write is on disk before it is answered, and so survives a kill -9. */
  readonly persistent?: boolean;
  /** The port of the master that this one copies. */
  readonly replicaOfPort?: number;
  /** Makes it a sentinel over the master at this port, named `fleet`; one is a majority. */
  readonly sentinelOfPort?: number;
}

/** Why tests on Redis cannot run here; `./sluice test` installs one. Undefined: they can. */
export const noRedis: string | undefined =
  process.env.SLUICE_TEST_NO_REDIS ??
  (findServer() === undefined ? 'there is no redis-server; ./sluice test installs one' : undefined);

/** A real redis-server with a port and a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly #options: RedisServerOptions;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  private constructor(options: RedisServerOptions, port: number) {
    this.#options = options;
    this.port = port;
    this.#folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-redis-'));
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options, await freePort());
    if (options.tls) makeCertificate(server.#folder);
    await server.start();
    if (options.cluster) await server.#takeAllSlots();
    return server;
  }

  get caFile(): string {
    return path.join(this.#folder, 'ca.pem');
  }

  /** Its address as Sluice takes it. */
  get url(): string {
    const { password, tls, cluster, sentinelOfPort } = this.#options;
    const scheme = `${tls ? 'rediss' : 'redis'}${cluster ? '+cluster' : sentinelOfPort ? '+sentinel' : ''}`;
    const host = `${tls ? 'localhost' : '127.0.0.1'}:${this.port}`;
    const end = `${sentinelOfPort ? '/fleet' : ''}${tls ? `?ca=${this.caFile}` : ''}`;
    return `${scheme}://${password ? `:${encodeURIComponent(password)}@` : ''}${host}${end}`;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('the redis-server does not run');
    return pid;
  }

  /** Starts it, again on the same port after {@link kill}. Resolves when it takes commands. */
  async start(): Promise<void> {
    const binary = findServer();
    if (binary === undefined) throw new Error(noRedis);
    const child = spawn(binary, this.#arguments(), { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#folder });
    this.#process = child;
    this.#exited = new Promise((resolve) => child.on('exit', () => resolve()));
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (data) => {
        output = (output + data).slice(-10_000);
        if (/Ready to accept connections|\+monitor master/.test(output)) resolve();
      });
      child.on('error', reject);
      child.on('exit', () => reject(new Error(`redis-server ended while it started: ${output}`)));
    });
  }

  /** kill -9. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#exited;
    this.#process = undefined;
  }

  /** Connections stay open, and nothing is answered. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Does something to it over a connection of its own. */
  async ask<Reply>(question: (client: Redis) => Promise<Reply>): Promise<Reply> {
    const { password, tls } = this.#options;
    const client = new Redis({
      port: this.port,
      protocol: 2,
      ...(password === undefined ? {} : { password }),
      ...(tls ? { tls: { rejectUnauthorized: false } } : {}),
    });
    try {
      return await question(client);
    } finally {
      client.disconnect();
    }
  }

  /** Kills it and takes its folder away. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #arguments(): readonly string[] {
    const { password, tls, cluster, persistent, replicaOfPort, sentinelOfPort } = this.#options;
    if (sentinelOfPort !== undefined) {
      const file = path.join(this.#folder, 'sentinel.conf');
      const watched = [`monitor fleet 127.0.0.1 ${sentinelOfPort} 1`, 'down-after-milliseconds fleet 500'];
      const lines = [...watched, 'failover-timeout fleet 3000'].map((line) => `sentinel ${line}\n`);
      writeFileSync(file, `port ${this.port}\nbind 127.0.0.1\n${lines.join('')}`);
      return [file, '--sentinel'];
    }
    const certificate = (name: string): string => path.join(this.#folder, name);
    return [
      ...['--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''],
      ...(tls
        ? ['--port', '0', '--tls-port', String(this.port), '--tls-auth-clients', 'no']
        : ['--port', String(this.port)]),
      ...(tls ? ['--tls-cert-file', certificate('ca.pem'), '--tls-key-file', certificate('key.pem')] : []),
      ...(tls ? ['--tls-ca-cert-file', certificate('ca.pem')] : []),
      ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
      ...(cluster ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] : []),
      ...(persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []),
      ...(replicaOfPort === undefined ? [] : ['--replicaof', `127.0.0.1 ${replicaOfPort}`]),
      ...['--repl-diskless-sync-delay', '0'],
    ];
  }

  async #takeAllSlots(): Promise<void> {
    await this.ask(async (client) => {
      await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    });
  }
}

function findServer(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), path.join(cacheFolder(), 'redis')];
  const named = process.env.SLUICE_TEST_REDIS;
  const places = [...(named ? [named] : []), ...folders.map((folder) => path.join(folder, 'redis-server'))];
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** One that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject()));
    });
  });
}

function makeCertificate(folder: string): void {
  const flags = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', path.join(folder, 'key.pem'), '-out', path.join(folder, 'ca.pem')];
  execFileSync('openssl', ['req', ...flags, ...names, ...files], { stdio: 'ignore' });
}
