import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { oneOf, text, UsageError, wholeNumber, word } from '../flags.js';

interface KeyFlags {
  readonly file: string;
}

interface NewKeyFlags extends KeyFlags {
  readonly name: string;
  readonly scope: readonly string[];
  readonly model: readonly string[];
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly priorityMax?: string;
  readonly expires?: string;
}

/** As the gateway knows them. */
const scopes = ['inference', 'models', 'metrics', 'admin'] as const;
const priorities = ['low', 'normal', 'high'] as const;

const PER_MINUTE_MAX = 1_000_000_000;

/** `sluice key new | list | revoke`: the file that `sluice gateway --keys` reads. It holds no key, only what proves one. */
export function keyCommand(): Command {
  const command = new Command('key').description('make, list and revoke the API keys of a gateway');
  const file = (): Option =>
    new Option('--file <file>', 'file of keys, as sluice gateway --keys reads it')
      .default('keys.json')
      .argParser(text('--file'));
  command
    .command('new')
    .description('make a key; it is printed once and kept nowhere')
    .addOption(file())
    .addOption(new Option('--name <name>', 'whose key it is').makeOptionMandatory().argParser(text('--name')))
    .addOption(
      new Option('--scope <scope>', `what it is for, of ${scopes.join(', ')}; repeat it (default: inference, models)`)
        .default([], 'none')
        .argParser((value: string, earlier: readonly string[]) => [...earlier, oneOf('--scope', scopes)(value)]),
    )
    .addOption(
      new Option('--model <name>', 'a model that it may use; repeat it (default: all)')
        .default([], 'none')
        .argParser((value: string, earlier: readonly string[]) => [...earlier, word('--model')(value)]),
    )
    .addOption(perMinute('requests'))
    .addOption(perMinute('tokens'))
    .addOption(
      new Option('--priority-max <class>', `most urgent class, of ${priorities.join(', ')} (default: high)`).argParser(
        oneOf('--priority-max', priorities),
      ),
    )
    .addOption(new Option('--expires <time>', 'until when, like 2027-12-31T23:59:59Z').argParser(word('--expires')))
    .action(newKey);
  command.command('list').description('list keys').addOption(file()).action(listKeys);
  command
    .command('revoke')
    .description('take a key out; running gateways notice within seconds')
    .argument('<id>', 'its id, as sluice key list prints it')
    .addOption(file())
    .action(revokeKey);
  return command;
}

async function newKey(flags: NewKeyFlags): Promise<void> {
  const { makeKey } = await import('@sluice/gateway');
  const { key, ...proof } = makeKey(randomBytes(32), randomBytes(8));
  const entry = {
    name: flags.name,
    ...proof,
    ...(flags.scope.length === 0 ? {} : { scopes: flags.scope }),
    ...(flags.model.length === 0 ? {} : { models: flags.model }),
    ...(flags.requestsPerMinute === undefined ? {} : { requestsPerMinute: flags.requestsPerMinute }),
    ...(flags.tokensPerMinute === undefined ? {} : { tokensPerMinute: flags.tokensPerMinute }),
    ...(flags.priorityMax === undefined ? {} : { priorityMax: flags.priorityMax }),
    ...(flags.expires === undefined ? {} : { expires: flags.expires }),
  };
  await writeKeys(flags.file, [...(await readKeys(flags.file)), entry]);
  process.stdout.write(`${key}\n`);
}

async function listKeys({ file }: KeyFlags): Promise<void> {
  for (const { id, sha256: _, name, ...terms } of await readKeys(file)) {
    process.stdout.write(`${id}  ${name}${Object.keys(terms).length === 0 ? '' : `  ${JSON.stringify(terms)}`}\n`);
  }
}

async function revokeKey(id: string, { file }: KeyFlags): Promise<void> {
  const keys = await readKeys(file);
  const rest = keys.filter((key) => key.id !== id);
  if (rest.length === keys.length) throw new UsageError(`${file} has no key with the id ${JSON.stringify(id)}`);
  await writeKeys(file, rest);
}

type Entry = { readonly id: string; readonly name: string; readonly sha256: string };

/** None where there is no file yet. */
async function readKeys(file: string): Promise<readonly Entry[]> {
  if (!existsSync(file)) return [];
  const content = readFileSync(file, 'utf8');
  await check(file, content);
  return (JSON.parse(content) as { keys: Entry[] }).keys;
}

async function writeKeys(file: string, keys: readonly Entry[]): Promise<void> {
  const content = `${JSON.stringify({ keys }, null, 2)}\n`;
  await check(file, content);
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

async function check(file: string, content: string): Promise<void> {
  const { parseKeyFile } = await import('@sluice/gateway');
  try {
    parseKeyFile(content);
  } catch (cause) {
    throw new UsageError(`${file}: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function perMinute(what: 'requests' | 'tokens'): Option {
  const flag = `--${what}-per-minute`;
  return new Option(`${flag} <n>`, `${what} a minute at most (default: no limit)`).argParser(
    wholeNumber(flag, 1, PER_MINUTE_MAX),
  );
}
