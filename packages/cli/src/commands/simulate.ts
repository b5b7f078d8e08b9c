import { Command } from 'commander';

/** `sluice bench simulate` under its own name: it measures nothing here. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .description('capacity of policies and fleets in simulated time: `sluice simulate --help` lists the flags')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument('[arguments...]')
    .action(async (words: readonly string[]) => {
      const { runBench } = await import('@sluice/bench');
      process.exitCode = await runBench(['simulate', ...words]);
    });
}
