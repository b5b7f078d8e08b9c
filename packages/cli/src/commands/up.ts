import { Command, Option } from 'commander';
import { wholeNumber } from '../flags.js';
import { runUp, type UpOptions } from '../up/run-up.js';
import { addAccessFlags } from './access-flags.js';
import { addListenFlags, addModelFlags, addRoutingFlag, defaultPort } from './serving-flags.js';

export function upCommand(): Command {
  const command = new Command('up').description(
    'serve a model: fetch it, start gateway and workers, and look after them',
  );
  addModelFlags(command);
  addRoutingFlag(command);
  addListenFlags(command, defaultPort, 'port of the HTTP API; 0 for any free one');
  addAccessFlags(command);
  command
    .addOption(
      new Option('--workers <n>', 'worker processes, each with a replica of the model')
        .default(1)
        .argParser(wholeNumber('--workers', 1, 64)),
    )
    .addOption(
      new Option('--gateways <n>', 'gateway processes that share the port')
        .default(1)
        .argParser(wholeNumber('--gateways', 1, 64)),
    )
    .option('--verbose', "show the children's log lines on the terminal", false);
  return command.action(async (flags: UpOptions) => {
    process.exitCode = await runUp(flags);
  });
}
