import { seededRng } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { CallParser, type CallRules, type ParsedPart } from './call-parser.js';
import { toolFormat } from './formats.js';

const weather = '{"city": "Oslo", "days": 3}';
const joined = { index: 0, name: 'weather', arguments: weather };
const second = { index: 1, name: 'time', arguments: '{}' };

/** Format, what a model writes, and what its reader gets. */
const answers: readonly (readonly [format: string, text: string, ...parts: (string | typeof joined)[]])[] = [
  // One call, as each family writes it.
  ['hermes', `<tool_call>\n{"name": "weather", "arguments": ${weather}}\n</tool_call>`, joined],
  ['llama3', `{"name": "weather", "parameters": ${weather}}`, joined],
  ['llama3', `<|python_tag|>{"name": "weather", "parameters": ${weather}}`, joined],
  ['mistral', `[TOOL_CALLS] [{"name": "weather", "arguments": ${weather}}]`, joined],
  ['mistral', `[{"name": "weather", "arguments": ${weather}}]`, joined],
  ['mistral', `[TOOL_CALLS]weather[ARGS]${weather}`, joined],
  ['mistral', `[TOOL_CALLS]weather[CALL_ID]a1B2c3D4e[ARGS] ${weather}`, joined],
  ['mistral', `[TOOL_CALLS]weather${weather}`, joined],
  ['json', `{"name": "weather", "arguments": ${weather}}`, joined],
  ['json', `\`\`\`json\n{"name": "weather", "arguments": ${weather}}\n\`\`\``, joined],
  ['json', `<tool_call>{"name": "weather", "arguments": ${weather}}</tool_call>`, joined],
  // Several.
  [
    'hermes',
    `<tool_call>{"name":"weather","arguments":${weather}}</tool_call>\n<tool_call>{"name":"time","arguments":{}}</tool_call>`,
    joined,
    second,
  ],
  ['hermes', `<tool_call>[{"name":"weather","arguments":${weather}}, {"name":"time"}]</tool_call>`, joined, second],
  ['llama3', `{"name":"weather","parameters":${weather}}; {"name":"time","parameters":{}}`, joined, second],
  ['mistral', `[TOOL_CALLS][{"name":"weather","arguments":${weather}},{"name":"time","arguments":{}}]`, joined, second],
  ['mistral', `[TOOL_CALLS]weather[ARGS]${weather}[TOOL_CALLS]time[ARGS]{}`, joined, second],
  ['json', `{"name":"weather","arguments":${weather}}\n{"name":"time","arguments":{}}\n`, joined, second],
  // Text around them; white space between text and call is dropped.
  ['hermes', `Let me see. \n\n<tool_call>{"name":"weather","arguments":${weather}}</tool_call>`, 'Let me see.', joined],
  ['hermes', `<tool_call>{"name":"weather","arguments":${weather}}</tool_call>\nThere.`, joined, '\nThere.'],
  ['json', `Sure:\n\`\`\`\n{"name":"weather","arguments":${weather}}\n\`\`\`\nDone`, 'Sure:', joined, '\nDone'],
  // Members in another order, more of them, arguments in a string or not there.
  ['hermes', `<tool_call>{"arguments": ${weather}, "name": "weather"}</tool_call>`, joined],
  ['hermes', `<tool_call>{"id": 7, "name": "weather", "arguments": ${weather}, "x": [1, "}"]}</tool_call>`, joined],
  ['json', `{"name":"weather","arguments":${JSON.stringify(weather)}}`, joined],
  ['json', '{"name": "weather"}', { ...joined, arguments: '{}' }],
  ['json', '{"name": "weather", "arguments": null}', { ...joined, arguments: '{}' }],
  // Brackets and quotes in strings do not end the arguments.
  [
    'hermes',
    String.raw`<tool_call>{"name":"weather","arguments":{"a":"}\"{</tool_call>","b":[{}]}}</tool_call>`,
    { ...joined, arguments: String.raw`{"a":"}\"{</tool_call>","b":[{}]}` },
  ],
  // Cut.
  ['hermes', '<tool_call>{"name":"weather","arguments":{"city": "Os', { ...joined, arguments: '{"city": "Os' }],
  ['hermes', `<tool_call>{"name":"weather","arguments":${weather}}\n</tool_`, joined],
  ['hermes', '<tool_call>\n{"name": "wea', '<tool_call>\n{"name": "wea'],
  // No calls: text, to the last character.
  ['hermes', '  x <tool_call> is a tag\n', '  x <tool_call> is a tag\n'],
  ['hermes', '<tool_call>{"name": "unknown", "arguments": {}}', '<tool_call>{"name": "unknown", "arguments": {}}'],
  ['hermes', `{"name": "weather", "arguments": ${weather}}`, `{"name": "weather", "arguments": ${weather}}`],
  ['json', '{"name": "Ada", "age": 36}', '{"name": "Ada", "age": 36}'],
  ['json', 'As {"name": "weather", "arguments": {}}', 'As {"name": "weather", "arguments": {}}'],
  ['json', '```js\nlet a = {};\n```\n[1, 2]', '```js\nlet a = {};\n```\n[1, 2]'],
  ['json', '{"name": "weather", "arguments": 5}', '{"name": "weather", "arguments": 5}'],
  ['mistral', '[TOOL_CALLS] is [a](link)', '[TOOL_CALLS] is [a](link)'],
  // A call that goes wrong behind its arguments stands; what follows is text.
  ['hermes', `<tool_call>{"name":"weather","arguments":${weather} oops`, joined, ' oops'],
  ['mistral', `[TOOL_CALLS][{"name":"weather","arguments":${weather}}, {"name":"no"}]`, joined, ', {"name":"no"}]'],
];

describe('CallParser', () => {
  it.each(answers.map(([format, text, ...parts]) => ({ format, text, parts })))('$format: reads $text', (answer) => {
    expect(parsed(answer.format, [answer.text])).toEqual(answer.parts);
  });

  it('gives the same parts however the text is cut', () => {
    const rng = seededRng(1);
    for (const [format, text, ...parts] of answers) {
      expect(parsed(format, [...text])).toEqual(parts);
      for (let round = 0; round < 50; round++) expect(parsed(format, cut(text, rng.below))).toEqual(parts);
    }
  });

  it('loses nothing of answers that are made of the pieces of calls, however they are cut', () => {
    const rng = seededRng(2);
    const pieces = [
      ...['<tool_call>', '</tool_call>', '[TOOL_CALLS]', '[ARGS]', '<|python_tag|>', '```json', '```', '\n', ' ', ';'],
      ...['{', '}', '[', ']', '"name"', ':', '"weather"', 'weather', '"arguments"', '{}', ',', 'x', '\\', '"', '5'],
      ...['{"name": "weather", "arguments": ', '{"name":"time","parameters":{"a":"b"}}'],
    ];
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: rng.below(12) }, () => pieces[rng.below(pieces.length)]).join('');
      const format = ['hermes', 'llama3', 'mistral', 'json'][round % 4]!;
      const whole = parsed(format, [text]);
      expect(parsed(format, cut(text, rng.below)), text).toEqual(whole);
      expect(parsed(format, [...text]), text).toEqual(whole);
      if (whole.every((part) => typeof part === 'string')) expect(whole.join('')).toBe(text);
    }
  });

  it('passes text on as soon as it cannot begin a call', () => {
    const parser = newParser('hermes');
    expect(parser.push('a <b> ')).toEqual([{ kind: 'text', text: 'a <b>' }]);
    expect(parser.push('<tool')).toEqual([]);
    expect(parser.push('s>')).toEqual([{ kind: 'text', text: ' <tools>' }]);
  });

  it('passes arguments on as they come', () => {
    const parser = newParser('hermes');
    expect(parser.push('<tool_call>{"name": "weather", "arguments": ')).toEqual([]);
    expect(parser.push('{"ci')).toEqual([
      { kind: 'call', index: 0, name: 'weather' },
      { kind: 'arguments', index: 0, text: '{"ci' },
    ]);
    expect(parser.push('ty": 1')).toEqual([{ kind: 'arguments', index: 0, text: 'ty": 1' }]);
    expect(parser.push('}}</tool_call>')).toEqual([{ kind: 'arguments', index: 0, text: '}' }]);
    expect(parser.end()).toEqual([]);
    expect(parser.calls).toBe(1);
  });

  it('holds nothing back of JSON that is no call, and no more than a bound of what may become one', () => {
    const parser = newParser('json');
    expect(parser.push('{"answer')).toEqual([]);
    expect(parser.push('": "')).toEqual([{ kind: 'text', text: '{"answer": "' }]);
    expect(newParser('json').push('{"name": "Ada"')).toEqual([{ kind: 'text', text: '{"name": "Ada"' }]);
    const long = 'x'.repeat(20_000);
    for (const text of [
      `{"arguments": {"a": "${long}"}, "name": "weather"}`,
      `{"name": "weather", "arguments": {}, "x": "${long}"}`,
    ]) {
      const whole = parsed('json', [text]);
      expect(whole.at(-1)).toEqual(expect.stringContaining(long));
      expect(parsed('json', text.match(/.{1,999}/g) ?? [])).toEqual(whole);
    }
  });

  it('takes calls beyond the most for text', () => {
    const call = '<tool_call>{"name":"time","arguments":{}}</tool_call>';
    const parts = parsed('hermes', [`${call}\n${call}`], { ...rules, callsMax: 1 });
    expect(parts).toEqual([{ ...second, index: 0 }, `\n${call}`]);
  });
});

const rules: CallRules = { names: new Set(['weather', 'time']), callsMax: 128 };

function newParser(format: string, given = rules): CallParser {
  return new CallParser(toolFormat(format), given);
}

/** Texts and calls, each joined. */
function parsed(format: string, pieces: readonly string[], given = rules): (string | typeof joined)[] {
  const parser = newParser(format, given);
  const parts: ParsedPart[] = pieces.flatMap((piece) => parser.push(piece));
  parts.push(...parser.end());
  const result: (string | typeof joined)[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (part.kind === 'call') {
      result.push({ index: part.index, name: part.name, arguments: '' });
    } else if (part.kind === 'text') {
      if (typeof last === 'string') result[result.length - 1] = last + part.text;
      else result.push(part.text);
    } else {
      if (typeof last !== 'object' || last.index !== part.index) throw new Error('arguments without their call');
      last.arguments += part.text;
    }
  }
  return result;
}

function cut(text: string, below: (bound: number) => number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const length = 1 + below(9);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}
