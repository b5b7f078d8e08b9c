import { writeFileSync } from 'node:fs';
import { ServingError, seededRng } from '@sluice/shared';

import { Ajv2020 } from 'ajv/dist/2020.js';
import formatsPlugin from 'ajv-formats';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConstraint } from '../../packages/worker/src/grammar/constraint.js';
import type { GrammarSource } from '../../packages/worker/src/grammar/grammar-source.js';
import { grammarVocabularyOf } from '../../packages/worker/src/grammar/grammar-vocabulary.js';
import { createGrammars, type Grammars } from '../../packages/worker/src/grammar/io/create-grammars.js';
import { openGguf } from '../../packages/worker/src/io/models/open-gguf.js';
import { readTokenizer } from '../../packages/worker/src/io/read-tokenizer.js';
import { createTokenizer, type Tokenizer } from '../../packages/worker/src/text/tokenizer.js';
import { defaultModelPath } from '../support/default-model.js';
import { type RandomModel, randomModel, randomTokens } from './random-text.js';
import { type SuiteCase, schemaSuite } from './schema-suite.js';

/** All schemas where this is set, a sample else; figures are written to the file that it names. */
const reportPath = process.env.SLUICE_TEST_SCHEMAS;
const SAMPLED_SCHEMAS = 24;
const TEXTS = 20;
const modelPath = defaultModelPath();
const suite = schemaSuite();

let tokenizer: Tokenizer;
let grammars: Grammars;
let model: RandomModel;

beforeAll(async () => {
  if (modelPath === undefined) return;
  const file = await openGguf(modelPath);
  tokenizer = createTokenizer(await readTokenizer(file));
  await file.close();
  const count = tokenizer.vocabularyCount;
  grammars = createGrammars(grammarVocabularyOf(tokenizer, count), { nowMs: () => performance.now() });
  const ends = new Set(tokenizer.endTokenIds);
  const closing = /^(?:[\]}"]+|")$/;
  const isClosing = (id: number): boolean => ends.has(id) || closing.test(tokenizer.decode([id]));
  model = randomModel(1, count, isClosing);
});
afterAll(() => grammars?.close());
beforeEach(({ skip }) => {
  skip(modelPath === undefined, 'the default model was not fetched');
  skip(typeof suite === 'string', String(suite));
});

const cases: readonly SuiteCase[] = typeof suite === 'string' ? [] : suite;

describe('JSON schemas of the test suite, draft 2020-12', () => {
  it(
    'are refused with a keyword of theirs, or every text made at temperature 1 is valid',
    async () => {
      const tally = { supported: 0, unsupported: 0, empty: 0, texts: 0, unended: 0 };
      const wrong: string[] = [];
      const refusals = new Map<string, number>();
      for (const one of reportPath === undefined ? sampleOf(cases) : cases) {
        const source = grammarOf(one);
        if (!('text' in source)) {
          expect(source.code, one.name).toMatch(/^(unsupported_parameter|invalid_request)$/);
          const keyword = /^constraint\.json_schema: "([^"]+)"/.exec(source.message)?.[1] ?? '';
          if (typeof one.schema === 'object') {
            expect(`${JSON.stringify(one.schema)} json_schema`, `${one.name}: ${source.message}`).toContain(keyword);
          }
          const isEmpty = source.message.includes('accepts no value');
          tally[isEmpty ? 'empty' : 'unsupported'] += 1;
          if (!isEmpty) refusals.set(keyword, (refusals.get(keyword) ?? 0) + 1);
          continue;
        }
        tally.supported += 1;
        const { texts, unended } = await textsOf(source, one, wrong);
        tally.texts += texts;
        tally.unended += unended;
      }
      if (reportPath !== undefined)
        writeFileSync(reportPath, JSON.stringify({ ...tally, wrong, refusals: [...refusals] }));
      expect(wrong).toEqual([]);
      expect(tally.texts).toBeGreaterThan(10 * tally.supported);
    },
    reportPath === undefined ? 60_000 : 1_800_000,
  );
});

/** Every text is checked; how many there were, and how many came to no end. */
async function textsOf(
  source: GrammarSource,
  { name, schema }: SuiteCase,
  wrong: string[],
): Promise<{ texts: number; unended: number }> {
  const ajv = new Ajv2020({ strict: false, allErrors: true, ownProperties: true });
  formatsPlugin.default(ajv);
  const validate = ajv.compile(withoutId(schema));
  let texts = 0;
  let unended = 0;
  for (let seed = 0; seed < TEXTS; seed++) {
    const guide = await grammars.guideFor(source);
    const tokenIds = randomTokens(model, guide, seed);
    guide.dispose();
    if (tokenIds === undefined) {
      unended += 1;
      continue;
    }
    texts += 1;
    const text = tokenizer.decode(tokenIds, {});
    if (!isValid(validate, text)) wrong.push(`${name}: ${text.slice(0, 500)} ${ajv.errorsText(validate.errors)}`);
  }
  expect(grammars.cache.guides, 'guides that were not given back').toBe(0);
  return { texts, unended };
}

function isValid(validate: (value: unknown) => boolean, text: string): boolean {
  try {
    return validate(JSON.parse(text));
  } catch {
    return false;
  }
}

function grammarOf({ schema }: SuiteCase): GrammarSource | ServingError {
  const jsonSchema = JSON.stringify(schema);
  try {
    return parseConstraint({ form: 'jsonSchema', jsonSchema });
  } catch (failure) {
    if (failure instanceof ServingError) return failure;
    throw failure;
  }
}

/** The same ones in every run, of all files. */
function sampleOf(all: readonly SuiteCase[]): SuiteCase[] {
  const rng = seededRng(3, 0);
  const left = [...all];
  const supported: SuiteCase[] = [];
  const others: SuiteCase[] = [];
  while (left.length > 0 && supported.length < SAMPLED_SCHEMAS) {
    const [one] = left.splice(Math.floor(rng.next() * left.length), 1);
    if ('text' in grammarOf(one!)) supported.push(one!);
    else others.push(one!);
  }
  return [...supported, ...others];
}

/** The suite's schemas share names. */
function withoutId(schema: unknown): never {
  if (typeof schema !== 'object' || schema === null) return schema as never;
  const { $id: _id, $schema: _schema, ...rest } = schema as Record<string, unknown>;
  return rest as never;
}
