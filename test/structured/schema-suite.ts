import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A schema of the JSON Schema Test Suite, and what it says about some values. */
export interface SuiteCase {
  readonly name: string;
  readonly schema: unknown;
  readonly tests: readonly { readonly data: unknown; readonly valid: boolean }[];
}

/** Draft 2020-12 without its optional parts; undefined, with the reason, where it cannot be fetched. */
export function schemaSuite(): readonly SuiteCase[] | string {
  const script = fileURLToPath(new URL('./fetch-schema-suite.sh', import.meta.url));
  let folder: string;
  try {
    folder = execFileSync('bash', [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  } catch (failure) {
    return String((failure as { stderr?: unknown }).stderr ?? failure).trim();
  }
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort();
  return files.flatMap((file) => {
    const groups = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as {
      description: string;
      schema: unknown;
      tests: SuiteCase['tests'];
    }[];
    return groups.map(({ description, schema, tests }) => ({
      name: `${path.basename(file, '.json')}: ${description}`,
      schema,
      tests,
    }));
  });
}
