import type { Reporter, TestCase, TestModule } from 'vitest/node';

/**
 * Ends a run with one plain line, `N passed, N failed` (and `, N skipped` where there are any), with the reason of each
 * skip above it. A file that cannot be loaded and an error outside any test count as a failure each.
 */
// biome-ignore lint/style/noDefaultExport: vitest takes a reporter file's default export.
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const totals = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skips = new Map<string, number>();
    for (const module of modules) {
      if (module.errors().length > 0) totals.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'pending') continue;
        totals[state] += 1;
        if (state === 'skipped') {
          const line = describeSkip(test, module);
          skips.set(line, (skips.get(line) ?? 0) + 1);
        }
      }
    }
    for (const [line, times] of skips) process.stdout.write(`skipped ${times}: ${line}\n`);
    const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`;
    process.stdout.write(`${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
  }
}

function describeSkip(test: TestCase, module: TestModule): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  // Without a note: it was left out by the command line (-t), or somebody forgot to say why.
  return `${module.relativeModuleId}: ${note ?? 'not selected, or no reason stated'}`;
}
