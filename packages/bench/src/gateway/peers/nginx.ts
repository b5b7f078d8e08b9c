import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findCommand, runCommand } from '../../io/command.js';
import type { Progress } from '../../io/progress.js';
import { peerFolder } from '../../peers/peer-folder.js';
import type { GatewaySubject } from '../gateway-subjects.js';

/** nginx as a plain proxy that looks into nothing: the floor of what a hop can cost. */
export async function nginxSubject(progress: Progress): Promise<GatewaySubject> {
  const program = ownNginx() ?? (await unpackNginx(progress));
  const said = spawnSync(program, ['-v'], { encoding: 'utf8' });
  const version = /nginx\/([\d.]+)/.exec(said.stderr ?? '')?.[1];
  if (version === undefined) throw new Error(`${program} does not run: ${(said.error?.message ?? said.stderr).trim()}`);
  return {
    name: 'nginx',
    own: false,
    version,
    engines: 'engine',
    command: ({ port, enginePorts, folder }) => {
      const file = path.join(folder, 'nginx.conf');
      writeFileSync(file, nginxConfig(port, enginePorts, folder));
      return {
        name: 'nginx',
        command: program,
        args: ['-e', 'stderr', '-p', folder, '-c', file],
        url: `http://127.0.0.1:${port}`,
        readyPath: '/health',
        readyMsMax: 15_000,
      };
    },
  };
}

/** The system's. Its folder is not in everybody's PATH. */
function ownNginx(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin'];
  return folders.map((folder) => path.join(folder, 'nginx')).find((file) => existsSync(file));
}

/** Debian's package, unpacked into the cache by apt with lists and archives of its own: that needs no root. */
async function unpackNginx(progress: Progress): Promise<string> {
  const folder = await peerFolder('nginx-debian', async (empty) => {
    progress.stage('nginx: fetching the Debian package, once');
    if (findCommand('apt-get') === undefined || findCommand('dpkg-deb') === undefined)
      throw new Error('there is no nginx in PATH, and no apt-get and dpkg-deb to unpack one');
    const [state, cache] = [path.join(empty, 'apt', 'state'), path.join(empty, 'apt', 'cache')];
    const archives = path.join(cache, 'archives');
    mkdirSync(path.join(state, 'lists', 'partial'), { recursive: true });
    mkdirSync(path.join(archives, 'partial'), { recursive: true });
    const settings = [
      `Dir::State=${state}`,
      'Dir::State::status=/var/lib/dpkg/status',
      `Dir::Cache=${cache}`,
      'Debug::NoLocking=1',
      'APT::Sandbox::User=',
    ].flatMap((setting) => ['-o', setting]);
    const wanted = ['-y', '--no-install-recommends', '--download-only', '--reinstall', 'nginx'];
    await runCommand('apt-get', [...settings, 'update'], { onLine: progress.detail });
    await runCommand('apt-get', [...settings, 'install', ...wanted], { onLine: progress.detail });
    for (const name of readdirSync(archives).filter((one) => one.endsWith('.deb')))
      await runCommand('dpkg-deb', ['-x', path.join(archives, name), path.join(empty, 'root')]);
  });
  return path.join(folder, 'root', 'usr', 'sbin', 'nginx');
}

/** One worker process: it carries all of the load, and two would write smaller pieces. */
function nginxConfig(port: number, enginePorts: readonly number[], folder: string): string {
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 16384; }
http {
  access_log off;
  ${scratch.map((one) => `${one}_temp_path ${folder}/${one};`).join('\n  ')}
  client_body_buffer_size 64k;
  keepalive_timeout 300s;
  keepalive_requests 1000000;
  upstream engines {
    ${enginePorts.map((one) => `server 127.0.0.1:${one};`).join('\n    ')}
    keepalive 8192;
    keepalive_requests 1000000;
    keepalive_timeout 300s;
  }
  server {
    listen 127.0.0.1:${port} backlog=8192;
    location / {
      proxy_pass http://engines;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 300s;
    }
  }
}
`;
}
