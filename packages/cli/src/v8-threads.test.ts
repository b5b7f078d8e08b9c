import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const module = fileURLToPath(new URL('../dist/v8-threads.js', import.meta.url));

/** The functions that V8 decides to optimize in a process that calls one some thousand times, behind `before`. */
function optimizedIn(before: string): { readonly names: readonly string[]; readonly errors: string } {
  const script = `${before}
    function addUp(numbers) { let sum = 0; for (const number of numbers) sum += number; return sum; }
    const numbers = [1, 2, 3, 4];
    for (let call = 0; call < 3000; call++) addUp(numbers);`;
  const args = ['--trace-opt', '--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const names = [...stdout.matchAll(/marking \S+ <JSFunction (\S+) .*for optimization/g)].map(([, name = '']) => name);
  return { names, errors: stderr };
}

describe('quietV8Threads', () => {
  it('leaves a function that is called some thousand times as it is, by flags that this V8 knows', () => {
    expect(optimizedIn('').names).toContain('addUp');
    const { names, errors } = optimizedIn(
      `import { quietV8Threads } from ${JSON.stringify(module)}; quietV8Threads();`,
    );
    expect(names).not.toContain('addUp');
    expect(errors).toBe('');
  });
});
