import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { brokenStatus, hungStatus } from './end-process.js';

const built = (path: string): string => new URL(`../../../${path}`, import.meta.url).href;

/** A process with a native call that does not come back. */
function endOf(cause: string) {
  const script = `
    import { createRequire } from 'node:module';
    import { endProcess } from '${built('worker/dist/io/end-process.js')}';
    import { HungPass } from '${built('worker/dist/engine/pass-runner.js')}';
    const koffi = createRequire('${built('ort/package.json')}')('koffi');
    koffi.config({ async_stack_size: 8 * 2 ** 20, sync_stack_size: 8 * 2 ** 20 });
    koffi.load(null).func('pause', 'int', []).async(() => {});
    setTimeout(() => endProcess(${cause}), 50);
  `;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8', timeout: 30_000 });
}

describe('endProcess', () => {
  it.skipIf(process.platform === 'win32')('ends a process whose native call hangs, and says why', () => {
    const { status, stderr } = endOf("new HungPass('a forward pass did not come back')");
    expect(stderr).toContain('sluice: the worker ends itself: a forward pass did not come back\n');
    expect(status).toBe(hungStatus);
  });

  it.skipIf(process.platform === 'win32')('tells a broken assertion from a pass that hangs', () => {
    expect(endOf("new Error('assertion failed')").status).toBe(brokenStatus);
  });
});
