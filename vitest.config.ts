import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { plantBugs } from './test/sim/mutants/plant-bugs.js';

const packages = ['shared', 'store', 'proto', 'ort', 'worker', 'gateway', 'bench', 'cli'];

/** Tests run on the sources, so that a failing line is the line in the editor; test/e2e starts the built processes. */
export default defineConfig({
  plugins: [plantBugs()],
  resolve: {
    alias: Object.fromEntries(
      packages.map((name) => [
        `@sluice/${name}`,
        fileURLToPath(new URL(`packages/${name}/src/index.ts`, import.meta.url)),
      ]),
    ),
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
