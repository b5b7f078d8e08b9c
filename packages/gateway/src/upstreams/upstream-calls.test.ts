import { describe, expect, it } from 'vitest';
import { CallParser } from '../tools/call-parser.js';
import { toolFormat } from '../tools/formats.js';
import { toolUse } from '../tools/tool-use.js';
import { toolFields, UpstreamCallText } from './upstream-calls.js';

const tools = ['weather', 'time'].map((name) => ({
  name,
  description: undefined,
  parameters: { type: 'object' },
  isStrict: name === 'time',
}));

describe('UpstreamCallText', () => {
  it.each(['hermes', 'llama3', 'mistral', 'json'])('writes calls as the parser of %s reads them', (format) => {
    const calls = new UpstreamCallText({ format });
    const text =
      calls.write('Let me see.\n', []) +
      calls.write('', [{ index: 0, name: 'weather', arguments: '' }]) +
      calls.write('', [{ index: 0, name: undefined, arguments: '{"city":' }]) +
      calls.write('', [{ index: 0, name: undefined, arguments: '"Oslo"}' }]) +
      calls.write('', [{ index: 1, name: 'time', arguments: '' }]) +
      calls.end();
    const parser = new CallParser(toolFormat(format), { names: new Set(['weather', 'time']), callsMax: 9 });
    expect([...parser.push(text), ...parser.end()]).toEqual([
      { kind: 'text', text: 'Let me see.' },
      { kind: 'call', index: 0, name: 'weather' },
      { kind: 'arguments', index: 0, text: '{"city":"Oslo"}' },
      { kind: 'call', index: 1, name: 'time' },
      { kind: 'arguments', index: 1, text: '{}' },
    ]);
  });

  it('closes a call in front of more text', () => {
    const calls = new UpstreamCallText({ format: 'hermes' });
    const call = calls.write('', [{ index: 0, name: 'time', arguments: '{}' }]);
    expect(call + calls.write(' So.', [])).toBe('<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call> So.');
    expect(calls.end()).toBe('');
  });
});

describe('toolFields', () => {
  it('asks an upstream for what the caller asked for', () => {
    const [weather, time] = [
      { type: 'function', function: { name: 'weather', description: undefined, parameters: { type: 'object' } } },
      {
        type: 'function',
        function: { name: 'time', description: undefined, parameters: { type: 'object' }, strict: true },
      },
    ];
    expect(toolFields(toolUse(tools, { kind: 'auto' }, true)!)).toEqual({ tools: [weather, time] });
    expect(toolFields(toolUse(tools, { kind: 'required' }, false)!)).toEqual({
      tools: [weather, time],
      tool_choice: 'required',
      parallel_tool_calls: false,
    });
    expect(toolFields(toolUse(tools, { kind: 'named', name: 'time' }, true)!)).toEqual({
      tools: [time],
      tool_choice: { type: 'function', function: { name: 'time' } },
    });
    expect(toolFields(toolUse(tools, { kind: 'only', mode: 'auto', names: ['weather'] }, true)!)).toEqual({
      tools: [weather],
    });
  });
});
