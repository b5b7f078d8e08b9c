import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseRedisUrl } from '@sluice/store';
import { expect, it } from 'vitest';
import { startTestGateway } from '../../packages/gateway/src/test-support/start-test-gateway.js';

const page = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url));

interface Row {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/** What a gateway of a fleet shows; its Redis need not be there for that. */
async function shown(): Promise<readonly Row[]> {
  const gateway = await startTestGateway({ redis: parseRedisUrl('redis://127.0.0.1:1') });
  try {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
    return [...text.matchAll(/^# HELP (sluice_\S+) (.*)$/gm)]
      .map(([, name = '', help = '']) => ({ name, type: types.get(name) ?? '', help: help.replaceAll('|', '\\|') }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } finally {
    await gateway.stop();
  }
}

function write(rows: readonly Row[]): void {
  const lines = rows.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`);
  const head = `# Metrics

What \`GET /metrics\` of a gateway shows in Prometheus' format, beside the usual ones of Node (\`process_…\`, \`nodejs_…\`).
Those of workers are what workers last told this gateway. A gateway of several processes shows all of them as one, and
beside these \`sluice_gateway_processes{state}\`: how many that counts (\`counted\`), and how many did not answer (\`silent\`).
A test compares this page with a running gateway.

| metric | type | what it says |
| --- | --- | --- |
`;
  writeFileSync(page, `${head}${lines.join('\n')}\n`);
}

it('docs/metrics.md lists what /metrics shows and nothing else; SLUICE_UPDATE_DOCS=1 writes it anew', async () => {
  const rows = await shown();
  if (process.env.SLUICE_UPDATE_DOCS === '1') write(rows);
  const listed = [...readFileSync(page, 'utf8').matchAll(/^\| `(sluice_\w+)`\s*\| (\w+)\s*\| (.*?)\s*\|$/gm)];
  expect(listed.map(([, name, type, help]) => ({ name, type, help }))).toEqual(rows);
  expect(rows.length).toBeGreaterThan(30);
});
