import { cacheFolder } from '@sluice/shared';
import { Argument, Command } from 'commander';
import { text } from '../flags.js';
import { describeFetch } from '../terminal/describe-fetch.js';
import { ProgressLine } from '../terminal/progress-line.js';
import { defaultModel } from './serving-flags.js';

export function pullCommand(): Command {
  return new Command('pull')
    .description('fetch a model into the cache and print where its file is')
    .addArgument(
      new Argument('[name]', 'short name, hub id org/repo[:file], or path of a GGUF file')
        .default(defaultModel)
        .argParser(text('name')),
    )
    .action(async (name: string) => {
      const line = new ProgressLine(process.stderr);
      const { resolveModel } = await import('@sluice/worker');
      try {
        const model = await resolveModel(name, {
          cacheFolder: cacheFolder(),
          env: process.env,
          onProgress: (progress) => line.update(describeFetch(progress)),
        });
        line.clear();
        process.stdout.write(`${model.path}\n`);
      } finally {
        line.clear();
      }
    });
}
