import { openLibrary } from './library.js';

/**
 * Ends the process at once, whatever goes on in it. `process.exit` waits for the threads of libuv, and so for ever for a
 * native call that hangs on one of them. What is not written yet is lost. On Windows the status is that of a kill.
 */
export function exitNow(status: number): never {
  try {
    if (process.platform !== 'win32') openLibrary(null).func('_exit', 'void', ['int'])(status);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
  throw new Error('a killed process went on');
}
