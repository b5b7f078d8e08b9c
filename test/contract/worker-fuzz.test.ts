import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Rng, seededRng } from '@sluice/shared';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { garble, mutate } from '../../packages/gateway/src/test-support/mutate.js';
import { startTestGateway, type TestGateway } from '../../packages/gateway/src/test-support/start-test-gateway.js';
import { type RunningWorker, startWorker } from '../../packages/worker/src/io/start-worker.js';
import { cacheIn } from '../support/cache-in.js';
import { tinyModel } from '../support/tiny-model.js';
import { realBodies, schemaStrangers } from './real-bodies.js';

// What no gateway sees is wrong with a body, a worker has to. Both are real, and so is the model, though it is tiny.

/** How many bodies: those of a few seconds. `SLUICE_FUZZ_BODIES=5000` tries more, `SLUICE_FUZZ_SEED=7` others. */
const BODIES = Number(process.env.SLUICE_FUZZ_BODIES ?? 400);
const SEED = Number(process.env.SLUICE_FUZZ_SEED ?? 20_261_121);
/** Requests under way side by side. */
const LANES = 12;
/** Failures that a stream tells of behind its status, in each API's words. */
const serverFault = /"(?:code|type)":"(?:internal|engine_failed|worker_lost|server_error|api_error)"/;

vi.setConfig({ testTimeout: 60_000 + BODIES * 100 });

const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-fuzz-'));
const cacheBefore = process.env.SLUICE_CACHE;
let worker: RunningWorker;
let gateway: TestGateway;
let fatal: unknown;

beforeAll(async () => {
  process.env.SLUICE_CACHE = cacheIn(folder);
  const model = path.join(folder, 'tiny.gguf');
  writeFileSync(model, tinyModel(7, { contextTokens: 2048 }).gguf);
  worker = await startWorker({
    model,
    host: '127.0.0.1',
    port: 0,
    threads: 1,
    weights: 'f32',
    prefixCache: true,
    context: 2048,
    slots: 8,
    kvTokens: 8192,
    onFatal: (cause) => {
      fatal = cause;
      throw cause;
    },
  });
  gateway = await startTestGateway({ fakes: [], workers: [worker.address] });
});

afterAll(async () => {
  await gateway?.stop();
  await worker?.close();
  if (cacheBefore === undefined) delete process.env.SLUICE_CACHE;
  else process.env.SLUICE_CACHE = cacheBefore;
  rmSync(folder, { recursive: true, force: true });
});

describe('a gateway and a worker with a real model', () => {
  it('answer bodies as they should be', answerAll);

  it('answer or refuse bodies that chance has changed, and nothing is left behind', async () => {
    const rng = seededRng(SEED);
    const statuses = new Map<number, number>();
    let sent = 0;
    const send = async (): Promise<void> => {
      while (sent < BODIES) {
        const { path: endpoint, body: good } = realBodies[sent % realBodies.length]!;
        const body = changed(good, rng);
        const isLeft = rng.below(8) === 0;
        sent += 1;
        // Whoever hangs for a minute hangs.
        const response = await gateway.post(endpoint, body, { signal: AbortSignal.timeout(60_000) });
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        if (isLeft && response.status === 200) {
          await response.body?.cancel();
          continue;
        }
        const reply = await response.text();
        if (response.status >= 500 || serverFault.test(reply)) {
          throw new Error(`${endpoint} ${body} got ${response.status} ${reply}`);
        }
        expect(response.status === 200 || /"message":"/.test(reply), `${endpoint} ${body} got ${reply}`).toBe(true);
      }
    };
    await Promise.all(Array.from({ length: LANES }, send));
    // Chance that never makes a good body or a bad one tests nothing.
    expect(statuses.get(200)).toBeGreaterThan(BODIES / 10);
    expect(statuses.get(400)).toBeGreaterThan(BODIES / 10);
    await untilIdle();
    expect(fatal).toBeUndefined();
    await answerAll();
  });

  it.each([
    ['not', { properties: { a: { items: { not: {} } } } }, 'at /properties/a/items'],
    ['if', { $defs: { a: { if: {} } }, properties: { b: { $ref: '#/$defs/a' } } }, 'at /properties/b'],
    ['contains', { type: 'array', contains: {} }, 'is not supported'],
    ['dependentRequired', { dependentRequired: {} }, 'is not supported'],
    ['dependentSchemas', { dependentSchemas: {} }, 'is not supported'],
    ['propertyNames', { additionalProperties: { propertyNames: {} } }, 'at /additionalProperties'],
    ['$dynamicRef', { $dynamicRef: '#a' }, 'is not supported'],
    ['uniqueItems', { properties: { tags: { type: 'array', uniqueItems: true } } }, 'at /properties/tags'],
    ['multipleOf', { properties: { a: { type: 'number', multipleOf: 0.3 } } }, 'at /properties/a'],
    ['pattern', { properties: { a: { type: 'string', pattern: '(?=a)' } } }, 'look-ahead at character 3'],
    ['$ref', { $ref: 'https://example.com/a.json' }, 'leads out of the schema'],
  ])('refuse a schema with %s by keyword and place', async (keyword, schema, place) => {
    const format = { type: 'json_schema', json_schema: { name: 'x', schema } };
    const response = await gateway.chat({ response_format: format });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: string; param: string; message: string } };
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'response_format.json_schema.schema' });
    expect(error.message).toMatch(/^response_format\.json_schema\.schema: /);
    expect(error.message).toContain(`"${keyword}"`);
    expect(error.message).toContain(place);
  });

  it.each([
    [
      'a grammar without an end',
      'guided_grammar',
      'root ::= "a" root',
      /^400 guided_grammar: the rule "root" has no text that comes to an end/,
    ],
    [
      'a grammar of which a part has none',
      'guided_grammar',
      'root ::= "a" | "b" x\nx ::= "c" x',
      /the rule "x" has no text/,
    ],
    [
      'a value that has to hold itself',
      'guided_json',
      { $ref: '#/$defs/a', $defs: { a: { properties: { a: { $ref: '#/$defs/a' } }, required: ['a'] } } },
      /"\$ref" to a schema whose values must hold values of its own, without end/,
    ],
    [
      'many levels',
      'guided_json',
      `{"const":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
      /^400 guided_json: must be nested at most 256 levels deep/,
    ],
    ['references that multiply', 'guided_json', multiplying(), /"json_schema" multiplies too much/],
    ['patterns of names', 'guided_json', slowNames(), /^200 $/],
    [
      'many levels of a tag',
      'structured_outputs',
      { structural_tag: `${'['.repeat(9_000)}${']'.repeat(9_000)}` },
      /structural_tag has 9000 levels of objects and arrays; at most 256/,
    ],
    [
      'a tag whose grammar has no end',
      'structured_outputs',
      { structural_tag: tagOf('root ::= "a" x\nx ::= "a" x') },
      /"grammar" holds the rule "root", which has no text that comes to an end/,
    ],
    ['nothing, often', 'guided_regex', '(((a{0}){9999}){9999}){9999}b', /^200 $/],
  ])('take no longer than others over %s', async (_, field, value, message) => {
    const response = await gateway.chat({ [field]: value, max_tokens: 4 });
    const { error } = (await response.json()) as { error?: { message: string } };
    expect(`${response.status} ${error?.message ?? ''}`).toMatch(message);
  });
});

function tagOf(grammar: string): string {
  return JSON.stringify({ type: 'structural_tag', format: { type: 'grammar', grammar } });
}

/** Fifteen definitions, each of them the next one eight times. */
function multiplying(): object {
  const named = (index: number) => ({ $ref: `#/$defs/a${index}` });
  const allOf = (index: number): object[] => (index === 15 ? [{}] : Array.from({ length: 8 }, () => named(index)));
  const defs = Array.from({ length: 15 }, (_, i) => [`a${i}`, { allOf: allOf(i + 1) }]);
  return { ...named(0), $defs: Object.fromEntries(defs) };
}

/** On which a backtracking matcher would take years. */
function slowNames(): object {
  const properties = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${'a'.repeat(40)}${i}!`, {}]));
  return { type: 'object', properties, patternProperties: { '^((a+)+)+$': { type: 'null' } } };
}

async function answerAll(): Promise<void> {
  await Promise.all(
    realBodies.map(async ({ path: endpoint, body, status }) => {
      const response = await gateway.post(endpoint, body);
      const reply = await response.text();
      expect(
        `${response.status}${response.status === status ? '' : ` ${reply}`}`,
        `${endpoint} ${JSON.stringify(body)}`,
      ).toBe(`${status}`);
      expect(reply).not.toMatch(serverFault);
    }),
  );
  await untilIdle();
}

/** No request, no slot, no grammar and no byte of a body is in use; last messages may be on their way. */
async function untilIdle(): Promise<void> {
  const gauges = ['gateway_requests_in_flight', 'gateway_body_bytes', 'gateway_worker_requests_in_flight'];
  const pattern = new RegExp(
    `^sluice_(?:${[...gauges, 'worker_running_sequences', 'worker_waiting_sequences'].join('|')})(?:\\{[^}]*\\})? (\\d+)$`,
    'gm',
  );
  await vi.waitFor(async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    expect([...text.matchAll(pattern)].map(([, value]) => Number(value))).toEqual([0, 0, 0, 0, 0]);
    expect(worker.load()).toMatchObject({ running: 0, waiting: 0, prefillTokensWaiting: 0 });
    expect(worker.guides()).toBe(0);
  }, 20_000);
}

/** Somewhere else in it, or further down, in a schema or in the source of a grammar; or in its bytes. */
function changed(good: unknown, rng: Rng): string {
  switch (rng.below(8)) {
    case 0:
      return garble(JSON.stringify(good), rng);
    case 1:
    case 2:
      return JSON.stringify(mutate(good, rng));
    default:
      return JSON.stringify(changedWithin(good, rng));
  }
}

function changedWithin(value: unknown, rng: Rng): unknown {
  if (typeof value === 'string' && value !== '' && rng.below(2) === 0) return garble(value, rng);
  if (typeof value !== 'object' || value === null) return mutate(value, rng);
  const isSchema = ['type', 'enum', 'anyOf', '$ref'].some((keyword) => Object.hasOwn(value, keyword));
  if (isSchema && rng.below(3) === 0) return { ...value, ...schemaStrangers[rng.below(schemaStrangers.length)] };
  const keys = Object.keys(value);
  if (keys.length === 0 || rng.below(10) === 0) return mutate(value, rng);
  const key = keys[rng.below(keys.length)]!;
  if (Array.isArray(value)) return value.map((each, i) => (String(i) === key ? changedWithin(each, rng) : each));
  const entries = Object.entries(value).map(([name, each]) => [name, name === key ? changedWithin(each, rng) : each]);
  return Object.fromEntries(entries);
}
