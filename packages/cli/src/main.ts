import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { UsageError } from './flags.js';
import { createProgram } from './program.js';

/** Exit status of a command line that makes no sense, as getopt's users know it; 1 is for everything that fails later. */
const usageStatus = 2;

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

try {
  await createProgram(version).parseAsync(process.argv);
} catch (thrown) {
  process.exitCode = report(thrown);
  // A supervised child would be held open by the channel to its parent.
  if (process.connected) process.exit();
}

function report(thrown: unknown): number {
  // Commander has written its line already: an error, or the help or version that was asked for.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : usageStatus;
  if (thrown instanceof UsageError) {
    process.stderr.write(`sluice: ${thrown.message}\n`);
    return usageStatus;
  }
  // Errors for people (ServingError, and the commands' own) are one line; anything else is a bug and shows its stack.
  const isForPeople = thrown instanceof Error && (thrown.name === 'ServingError' || thrown.name === 'CommandError');
  process.stderr.write(`sluice: ${isForPeople ? thrown.message : thrown instanceof Error ? thrown.stack : thrown}\n`);
  return 1;
}
