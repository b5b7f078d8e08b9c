import { describe, expect, it } from 'vitest';
import { CallParser } from '../../packages/gateway/src/tools/call-parser.js';
import { toolFormat } from '../../packages/gateway/src/tools/formats.js';
import { toolConstraint } from '../../packages/gateway/src/tools/tool-constraint.js';
import { type Tool, type ToolChoice, toolUse } from '../../packages/gateway/src/tools/tool-use.js';
import { grammarVocabularyOf } from '../../packages/worker/src/grammar/grammar-vocabulary.js';
import { createBinding } from '../../packages/worker/src/grammar/io/grammar-library.js';
import type { Tokenizer } from '../../packages/worker/src/text/tokenizer.js';

// What the gateway makes a model write, the grammar library has to take and the gateway's own parser has to read.

const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tools: readonly Tool[] = [
  { name: 'weather', description: undefined, parameters: city, isStrict: true },
  { name: 'time', description: undefined, parameters: { type: 'object', properties: {} }, isStrict: false },
];
const rain = '{"city": "Oslo"}';

/** One call of the weather and then one of the time, as each format writes them. */
const written = {
  hermes: [
    `<tool_call>\n{"name": "weather", "arguments": ${rain}}\n</tool_call>`,
    '\n<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>',
  ],
  llama3: [`{"name": "weather", "parameters": ${rain}}`, '; {"name": "time", "parameters": {}}'],
  mistral: [`[TOOL_CALLS] [{"name": "weather", "arguments": ${rain}}`, ', {"name": "time", "arguments": {}}'],
  json: [`{"name": "weather", "arguments": ${rain}}`, '\n{"name": "time", "arguments": {}}'],
} as const;
const ends = { hermes: '', llama3: '', mistral: ']', json: '' } as const;
const formats = ['hermes', 'llama3', 'mistral', 'json'] as const;

describe.each(formats)('toolConstraint for %s', (format) => {
  const one = written[format][0] + ends[format];
  const two = written[format].join('') + ends[format];
  const misspelt = one.replace('"city"', '"town"');

  it('allows calls and nothing else where they are required', async () => {
    const allows = await grammar(format, { kind: 'required' }, true);
    expect([one, two].map(allows)).toEqual([true, true]);
    expect([misspelt, 'Hello', `Well, ${one}`, '', `${one} ok`].map(allows)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(calls(format, two)).toEqual(['weather', 'time']);
  });

  it('allows one call where calls are not to be parallel, or one is named', async () => {
    const single = await grammar(format, { kind: 'required' }, false);
    expect([one, two].map(single)).toEqual([true, false]);
    const named = await grammar(format, { kind: 'named', name: 'weather' }, true);
    expect([one, two, one.replace('"weather"', '"time"')].map(named)).toEqual([true, false, false]);
  });

  it('leaves text free where a tool is strict, and its arguments not', async () => {
    const allows = await grammar(format, { kind: 'auto' }, true);
    expect(['Hello {"name": 1}', `Well,\n${one}`, one].map(allows)).toEqual([true, true, true]);
    expect([misspelt, `Well,\n${misspelt}`].map(allows)).toEqual([false, false]);
  });

  it('allows calls or what else the answer has to be', async () => {
    const otherwise = { form: 'choice' as const, choice: { texts: ['yes', 'no'] } };
    const allows = await grammar(format, { kind: 'auto' }, true, otherwise);
    expect(['yes', 'no', one, two].map(allows)).toEqual([true, true, true, true]);
    expect(['maybe', misspelt].map(allows)).toEqual([false, false]);
    const schema = await grammar(format, { kind: 'auto' }, true, {
      form: 'jsonSchema',
      jsonSchema: JSON.stringify(city),
    });
    expect([rain, one, 'yes'].map(schema)).toEqual([true, true, false]);
    const object = await grammar(format, { kind: 'auto' }, true, { form: 'jsonObject', jsonObject: true });
    expect(['{"a": [1]}', one, '[]'].map(object)).toEqual([true, true, false]);
  });
});

function calls(format: string, text: string): string[] {
  const parser = new CallParser(toolFormat(format), { names: new Set(['weather', 'time']), callsMax: 128 });
  const parts = [...parser.push(text), ...parser.end()];
  return parts.flatMap((part) => (part.kind === 'call' ? [part.name] : part.kind === 'text' ? [part.text] : []));
}

/** Whether the grammar of a constraint takes a text as a whole; a byte is a token. */
async function grammar(
  format: string,
  choice: ToolChoice,
  isParallel: boolean,
  otherwise?: Parameters<typeof toolConstraint>[1],
): Promise<(text: string) => boolean> {
  const use = toolUse(tools, choice, isParallel)!;
  const constraint = toolConstraint({ ...use, format }, otherwise)!;
  const errors: string[] = [];
  const binding = await createBinding((line) => errors.push(line));
  const end = 256;
  const bytes: Pick<Tokenizer, 'vocabularyCount' | 'endTokenIds' | 'tokenBytes'> = {
    vocabularyCount: 257,
    endTokenIds: [end],
    tokenBytes: (id) => (id === end ? new Uint8Array(0) : Uint8Array.of(id)),
  };
  const { spellings, vocabularyCount, endTokenIds } = grammarVocabularyOf(bytes as Tokenizer, end + 1);
  const tokenizer = new binding.TokenizerInfo(
    binding.vecStringFromJSArray(spellings),
    'BYTE_LEVEL',
    vocabularyCount,
    binding.vecIntFromJSArray(endTokenIds),
    false,
  );
  const compiler = new binding.GrammarCompiler(tokenizer, 1, false);
  try {
    const compiled = compiler.CompileStructuralTag(constraint.structuralTag!);
    return (text) => {
      const matcher = new binding.GrammarMatcher(compiled, undefined, false, -1);
      return [...Buffer.from(text), end].every((token) => matcher.AcceptToken(token, false));
    };
  } catch (cause) {
    throw new Error(`refused: ${errors.join('\n')}`, { cause });
  }
}
