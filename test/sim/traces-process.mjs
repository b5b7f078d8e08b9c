// Prints what traces() says in a process of its own: node test/sim/traces-process.mjs
import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

const server = await createViteServer({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  configFile: fileURLToPath(new URL('../../vitest.config.ts', import.meta.url)),
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
});
const { traces } = await server.ssrLoadModule('/test/sim/traces.ts');
for (const line of await traces()) console.log(line);
await server.close();
process.exit(0);
