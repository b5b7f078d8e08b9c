import { Command } from 'commander';

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure: `sluice bench --help` lists the benchmarks')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument('[arguments...]')
    .action(async (words: readonly string[]) => {
      const { runBench } = await import('@sluice/bench');
      process.exitCode = await runBench([...words]);
    });
}
