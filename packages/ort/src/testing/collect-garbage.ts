import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects twice with a turn between, so that finalizers have run and what they let go of is gone too. */
export async function collectGarbage(): Promise<void> {
  for (let pass = 0; pass < 2; pass += 1) {
    collect();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
