import { afterAll, beforeAll, beforeEach, vi } from 'vitest';
import { noModel } from '../e2e/up-server.js';
import { anthropicClient } from './anthropic-client.js';
import { type ClientServer, startClientServer } from './client-server.js';
import { openaiClient } from './openai-client.js';
import { openaiFeatures } from './openai-features.js';
import { pythonClient } from './python-clients.js';
import { structuredOutputs } from './structured-outputs.js';

// Official clients, as people have them, with one real server and real weights for all. The suites are in files of their
// own; being one test file, they share the server.

// Machines that run many things at once are slow.
vi.setConfig({ testTimeout: 60_000 });

let server: ClientServer;
const theServer = (): ClientServer => server;

beforeAll(async () => {
  if (noModel === undefined) server = await startClientServer();
});
beforeEach(({ skip }) => skip(noModel !== undefined, noModel));
afterAll(() => server?.stop());

openaiClient(theServer);
openaiFeatures(theServer);
structuredOutputs(theServer);
anthropicClient(theServer);
pythonClient('openai for Python', 'openai_client.py', theServer);
pythonClient('LiteLLM', 'litellm_client.py', theServer);
pythonClient('LangChain', 'langchain_client.py', theServer);
