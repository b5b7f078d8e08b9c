import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../../packages/cli/src/program.js';
import { parseContentRules } from '../../packages/gateway/src/index.js';

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));
const read = (file: string): string => readFileSync(path.join(deploy, file), 'utf8');

interface Service {
  readonly command?: readonly string[];
  readonly image?: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** Parses a command line as `sluice` does, and runs nothing. @throws what it would say. */
function parseCommandLine(args: readonly string[]): void {
  const program = createProgram('0.0.0').exitOverride();
  for (const command of program.commands) command.exitOverride().action(() => {});
  program.parse([...args], { from: 'user' });
}

describe.each(['compose.yaml', 'fleet.yaml'])('deploy/%s', (file) => {
  const { services, volumes } = parse(read(file), { merge: true }) as Compose;
  const ours = Object.entries(services).filter(([, { command }]) => command?.[0] !== 'redis-server');

  it('starts processes of sluice with flags that there are', () => {
    expect(ours.length).toBeGreaterThan(0);
    for (const [name, { command = [] }] of ours) {
      expect(() => parseCommandLine(command), `${name}: ${command.join(' ')}`).not.toThrow();
    }
    expect(() => parseCommandLine(['gateway', '--no-such-flag'])).toThrow();
  });

  it('names only volumes and services that it has, and each port of the host once', () => {
    for (const { volumes: mounts = [], depends_on: needed = [] } of Object.values(services)) {
      for (const mount of mounts) {
        const source = mount.split(':')[0]!;
        if (!source.startsWith('.')) expect(Object.keys(volumes)).toContain(source);
      }
      for (const service of needed) expect(Object.keys(services)).toContain(service);
    }
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(new Set(ports.map((port) => port.split(':')[0])).size).toBe(ports.length);
  });

  it('mounts every file that a flag names', () => {
    for (const [name, { command = [], volumes: mounts = [] }] of ours) {
      const targets = mounts.map((mount) => mount.split(':')[1]!);
      for (const flag of command) {
        const place = /=(\/.*)$/.exec(flag)?.[1];
        if (place === undefined) continue;
        expect(
          targets.some((target) => place === target || place.startsWith(`${target}/`)),
          `${name}: ${flag}`,
        ).toBe(true);
      }
    }
  });
});

describe('deploy/content-rules.json', () => {
  it('redacts addresses, card numbers and keys, and denies a phrase', () => {
    const checks = parseContentRules(read('content-rules.json'));
    const pass = (text: string): string =>
      checks.reduce((rest, check) => {
        const verdict = check.checkPrompt(rest);
        return verdict.kind === 'pass' ? verdict.text : `refused: ${verdict.reason}`;
      }, text);
    const key = `sk-sluice-abcdefgh-${'A'.repeat(43)}`;
    expect(pass(`Write to ann.b@mail.example.org, not 4111 1111 1111 1111; ${key}.`)).toBe(
      'Write to [email], not [card number]; [api key].',
    );
    expect(pass('This is for INTERNAL use only')).toMatch(/^refused/);
    expect(pass('Call 4111 at 7.')).toBe('Call 4111 at 7.');
  });
});
