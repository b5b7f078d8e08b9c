import { Command } from 'commander';
import { benchPart } from '../parts.js';

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure: `sluice bench --help` lists the benchmarks')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument('[arguments...]')
    .action(async (words: readonly string[]) => {
      const { runBench } = await benchPart();
      process.exitCode = await runBench(words);
    });
}
