import { cacheFolder } from '@sluice/shared';
import type { FetchProgress, KernelWish } from '@sluice/worker';
import { Argument, Command } from 'commander';
import { text } from '../flags.js';
import { describeFetch } from '../terminal/describe-fetch.js';
import { ProgressLine } from '../terminal/progress-line.js';
import { defaultModel, kernelsOption } from './serving-flags.js';

export function pullCommand(): Command {
  return new Command('pull')
    .description('fetch a model into the cache, make what it is computed with, and print where its file is')
    .addArgument(
      new Argument('[name]', 'short name, hub id org/repo[:file], or path of a GGUF file')
        .default(defaultModel)
        .argParser(text('name')),
    )
    .addOption(kernelsOption())
    .action(async (name: string, { kernels }: { readonly kernels: KernelWish }) => {
      const line = new ProgressLine(process.stderr);
      const { chooseKernels, resolveModel } = await import('@sluice/worker');
      const onProgress = (progress: FetchProgress): void => line.update(describeFetch(progress));
      const options = { cacheFolder: cacheFolder(), env: process.env, onProgress };
      try {
        const model = await resolveModel(name, options);
        const choice = await chooseKernels(kernels, options);
        line.clear();
        if (choice.kernels !== 'own') process.stderr.write(`kernels: the runtime's, ${choice.reason}\n`);
        process.stdout.write(`${model.path}\n`);
      } finally {
        line.clear();
      }
    });
}
