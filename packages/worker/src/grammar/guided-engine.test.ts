import { ServingError } from '@sluice/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { AllowedTokens } from '../engine/sampling/allowed-tokens.js';
import { greedySampling, type SequenceRequest } from '../engine/sequence.js';
import { request, start } from '../engine/test-support/outcomes.js';
import type { TokenGuide } from '../engine/token-guide.js';
import { GrammarCompiler } from './compile-grammar.js';
import { GrammarCache, type GrammarCacheOptions } from './grammar-cache.js';
import type { GrammarGuide } from './grammar-guide.js';
import { createBinding } from './io/grammar-library.js';

/** The hash model's tokens: a letter each, and the end. */
const letters = 'abcdefghijklmnopqrstuvw';
const END = letters.length;
const VOCABULARY = END + 1;
const idsOf = (text: string): number[] => Array.from(text, (letter) => letters.indexOf(letter));
const textOf = (ids: readonly number[]): string => ids.map((id) => letters[id] ?? '.').join('');

const vocabulary = { spellings: [...letters, ''], vocabularyCount: VOCABULARY, endTokenIds: [END] };
const compiler = new GrammarCompiler(createBinding, vocabulary);
/** Words of three to six letters from a few, and a text that leaves no choice among them. */
const WORDS = 'root ::= w "nochoice" w "abcdefgh" w\nw ::= [a-p]{3,6}\n';
const isWords = /^[a-p]{3,6}nochoice[a-p]{3,6}abcdefgh[a-p]{3,6}$/;

const room = { tokenBudget: 40, kvTokensMax: 256, waitingMax: 10 };

let caches: GrammarCache[] = [];
afterEach(() => {
  for (const cache of caches) expect(cache.guides, 'guides that were not given back').toBe(0);
  caches = [];
});

describe('Engine, with guides', () => {
  it('writes what the grammar allows, and the same in whatever company and however often it loses its slot', async () => {
    const cache = cacheOf();
    const sampled = (id: string): Partial<SequenceRequest> => ({
      sampling: { ...greedySampling, temperature: 1, seed: Number(id) },
    });
    const alone = new Map<string, readonly number[]>();
    const ids = ['1', '2', '3', '4', '5', '6'];
    for (const id of ids) alone.set(id, (await run(cache, [[id, sampled(id)]])).get(id)!.tokenIds);
    let preempted = 0;
    const crowd = await run(
      cache,
      ids.map((id) => [id, sampled(id)]),
      { kvTokensMax: 96, tokenBudget: 20 },
      () => {
        preempted += 1;
      },
    );
    for (const id of ids) {
      expect(textOf(crowd.get(id)!.tokenIds.slice(0, -1))).toMatch(isWords);
      expect(crowd.get(id)).toMatchObject({ reason: 'stop', tokenIds: alone.get(id) });
    }
    expect(new Set([...alone.values()].map(textOf)).size).toBeGreaterThan(3);
    expect(preempted).toBeGreaterThan(0);
  });

  it('goes on behind tokens of another worker as that would have gone on', async () => {
    const cache = cacheOf();
    const { tokenIds } = (await run(cache, [['whole', {}]])).get('whole')!;
    for (let cut = 1; cut < tokenIds.length; cut++) {
      const generatedIds = tokenIds.slice(0, cut);
      const resumed = await run(cache, [['resumed', { generatedIds }]]);
      expect([...generatedIds, ...resumed.get('resumed')!.tokenIds]).toEqual(tokenIds);
    }
  });

  it('computes text that has to come several tokens at a time, and writes the same', async () => {
    const sampling = cacheOf();
    const jumping = cacheOf({}, (text) => idsOf(text).slice(0, -1));
    let [passes, jumpedPasses] = [0, 0];
    const before = await run(sampling, [['a', {}]], {}, undefined, () => {
      passes += 1;
    });
    const after = await run(jumping, [['a', {}]], {}, undefined, () => {
      jumpedPasses += 1;
    });
    expect(after.get('a')).toEqual(before.get('a'));
    expect(jumpedPasses).toBeLessThan(passes - 4);
  });

  it('does not count text that has to come as guesses that were right', async () => {
    const jumping = cacheOf({}, (text) => idsOf(text).slice(0, -1));
    const { engine, outcomes } = start(room, {});
    engine.submit(request({ id: 'a', guide: await wordsOf(jumping), tokensMax: 45, stopTokenIds: new Set([END]) }));
    await outcomes.allEnded();
    const { tokensDrafted, tokensAccepted } = engine.load();
    expect(outcomes.get('a').reason).toBe('stop');
    expect({ tokensDrafted, tokensAccepted }).toEqual({ tokensDrafted: 0, tokensAccepted: 0 });
    await engine.close();
  });

  it('ends a text that nothing of the vocabulary goes on with an error, and no other', async () => {
    const cache = cacheOf();
    const { engine, outcomes } = start(room, {});
    const stuck = await cache.guideFor({ language: 'ebnf', text: 'root ::= "ab" [0-9]', field: 'constraint.grammar' });
    engine.submit(request({ id: 'stuck', guide: stuck, tokensMax: 20 }));
    engine.submit(request({ id: 'other', guide: await wordsOf(cache), tokensMax: 40, stopTokenIds: new Set([END]) }));
    await outcomes.allEnded();
    expect(outcomes.get('stuck')).toMatchObject({ reason: 'invalid_request', tokenIds: idsOf('ab') });
    expect(outcomes.get('stuck').message).toContain('constraint.grammar allows no token');
    expect(outcomes.get('other').reason).toBe('stop');
    await engine.close();
  });

  it('ends a text whose guide breaks between two passes, and no other', async () => {
    const cache = cacheOf();
    const { engine, outcomes } = start(room, {});
    let accepted = 0;
    const whole = <T>(value: T): T => {
      // As when another text of the same grammar has broken it.
      if (accepted === 3) throw new ServingError('engine_failed', 'the grammar library failed');
      return value;
    };
    const breaking: TokenGuide = {
      allowed: () => whole(new AllowedTokens(Int32Array.of(-1))),
      forced: () => whole([]),
      accept: () => {
        accepted = whole(accepted) + 1;
        return true;
      },
      isComplete: false,
      dispose: () => {},
    };
    engine.submit(request({ id: 'breaking', guide: breaking, tokensMax: 20 }));
    engine.submit(request({ id: 'other', guide: await wordsOf(cache), tokensMax: 45, stopTokenIds: new Set([END]) }));
    await outcomes.allEnded();
    expect(outcomes.get('breaking')).toMatchObject({ reason: 'engine_failed', tokenIds: { length: 3 } });
    expect(outcomes.get('other').reason).toBe('stop');
    await engine.close();
  });

  it('ends where the text does, though end tokens are to be ignored', async () => {
    const cache = cacheOf();
    const { tokenIds, reason } = (await run(cache, [['a', { stopTokenIds: new Set() }]])).get('a')!;
    expect(textOf(tokenIds.slice(0, -1))).toMatch(isWords);
    expect(reason).toBe('stop');
  });

  it('gives guides back of texts that are cancelled, cut, or fail with their pass', async () => {
    const cache = cacheOf();
    const { model, engine, outcomes } = start(room, {});
    model.failing.add(3);
    model.onPass = (pass) => {
      if (pass === 1) engine.cancel('cancelled');
    };
    for (const id of ['cancelled', 'cut', 'failed']) {
      engine.submit(request({ id, guide: await wordsOf(cache), tokensMax: id === 'cut' ? 2 : 40 }));
    }
    await outcomes.allEnded();
    expect(['cancelled', 'cut', 'failed'].map((id) => outcomes.get(id).reason)).toEqual([
      'cancelled',
      'length',
      'engine_failed',
    ]);
    await engine.close();
  });
});

describe('GrammarCache.guideFor', () => {
  const source = (text: string) => ({ language: 'ebnf', text, field: 'constraint.grammar' }) as const;

  it('forgets what was not used for the longest time, and nothing that is in use', async () => {
    const cache = cacheOf({ grammarsMax: 2 });
    const used = await cache.guideFor(source('root ::= "a"'));
    (await cache.guideFor(source('root ::= "b"'))).dispose();
    (await cache.guideFor(source('root ::= "c"'))).dispose();
    expect(cache.grammars).toBe(2);
    const other = await cache.guideFor(source('root ::= "c"'));
    await expect(cache.guideFor(source('root ::= "d"'))).rejects.toMatchObject({ code: 'queue_full' });
    for (const guide of [used, other]) guide.dispose();
    (await cache.guideFor(source('root ::= "d"'))).dispose();
    expect(cache.grammars).toBe(2);
  });

  it('keeps to its bytes', async () => {
    const cache = cacheOf({ bytesMax: 5_000_000 });
    for (const letter of letters) (await cache.guideFor(source(`root ::= "${letter}"`))).dispose();
    expect(cache.bytes).toBeLessThanOrEqual(5_000_000);
    expect(cache.grammars).toBeGreaterThan(1);
  });

  it('says what is wrong with a grammar, again and again, and remembers nothing of it', async () => {
    const cache = cacheOf();
    for (let round = 0; round < 2; round++) {
      await expect(cache.guideFor(source('root ::= other'))).rejects.toMatchObject({
        code: 'invalid_request',
        field: 'constraint.grammar',
        message: expect.stringContaining('"other" is not defined'),
      });
      expect(cache.grammars).toBe(0);
    }
    (await cache.guideFor(source('root ::= "a"'))).dispose();
  });
});

function cacheOf(options: GrammarCacheOptions = {}, forcedIds?: (text: string) => readonly number[]): GrammarCache {
  const clock = { nowMs: () => 0 };
  const compile = compiler.compile.bind(compiler);
  const cache = new GrammarCache({ compile, createBinding, vocabularyCount: VOCABULARY, clock, forcedIds }, options);
  caches.push(cache);
  return cache;
}

/** Behind the tokens that a request comes with. */
async function wordsOf(cache: GrammarCache, generatedIds: readonly number[] = []): Promise<GrammarGuide> {
  const guide = await cache.guideFor({ language: 'ebnf', text: WORDS, field: 'constraint.grammar' });
  for (const id of generatedIds) expect(guide.accept(id)).toBe(true);
  return guide;
}

async function run(
  cache: GrammarCache,
  requests: readonly (readonly [id: string, changes: Partial<SequenceRequest>])[],
  options: Partial<typeof room> = {},
  onPreempted: () => void = () => {},
  onPass: () => void = () => {},
) {
  const { model, engine, outcomes } = start({ ...room, ...options }, {}, (step) => {
    if (step.preempted > 0) onPreempted();
  });
  model.onPass = onPass;
  for (const [id, changes] of requests) {
    const guide = await wordsOf(cache, changes.generatedIds);
    outcomes.generatedElsewhere.set(id, changes.generatedIds?.length ?? 0);
    const stopTokenIds = changes.stopTokenIds ?? new Set([END]);
    const refusal = engine.submit(request({ id, tokensMax: 45, ...changes, stopTokenIds, guide }));
    expect(refusal).toBeUndefined();
  }
  await outcomes.allEnded();
  await engine.close();
  return new Map(requests.map(([id]) => [id, outcomes.get(id)]));
}
