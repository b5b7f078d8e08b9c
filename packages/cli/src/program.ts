import { Command } from 'commander';
import { benchCommand } from './commands/bench.js';
import { chatCommand } from './commands/chat.js';
import { gatewayCommand } from './commands/gateway.js';
import { keyCommand } from './commands/key.js';
import { pullCommand } from './commands/pull.js';
import { simulateCommand } from './commands/simulate.js';
import { upCommand } from './commands/up.js';
import { workerCommand } from './commands/worker.js';

const environment = `
Environment:
  SLUICE_CACHE   folder of models, compiled graphs and logs (default: $XDG_CACHE_HOME/sluice or ~/.cache/sluice)
  SLUICE_LOG     trace, debug, info, warn, error, fatal or silent (default: info)
  SLUICE_API_KEY what sluice chat shows a server that wants a key
  HF_ENDPOINT    the model hub's address, HF_TOKEN a token for it
  NO_COLOR       no colours on the terminal

./sluice test [vitest's arguments] runs the tests.`;

/** The whole command line. `version` is what --version prints. Commands end by setting `process.exitCode`. */
export function createProgram(version: string): Command {
  const program = new Command('sluice')
    .description('Serves large language models behind one OpenAI-compatible endpoint.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', environment)
    .showSuggestionAfterError();
  for (const command of [
    upCommand(),
    workerCommand(),
    gatewayCommand(),
    keyCommand(),
    chatCommand(),
    pullCommand(),
    benchCommand(),
    simulateCommand(),
  ]) {
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride().configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'sluice: ')),
    });
  }
  return program;
}
