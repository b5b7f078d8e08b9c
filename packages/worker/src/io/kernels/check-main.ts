// A process of its own: checks the library that its argument names. Status 0 says that it is right; else the last line of
// standard error says what is wrong.

import { checkOperators } from './check-operators.js';

try {
  checkOperators(process.argv[2] ?? '');
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
