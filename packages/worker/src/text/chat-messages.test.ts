import { ServingError } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { parseMessages } from './chat-messages.js';

describe('parseMessages', () => {
  it('keeps what a template may want beyond role and content', () => {
    const messages = [
      { role: 'assistant', content: null, tool_calls: [{ id: '1' }] },
      { role: 'user', content: 'hi', name: 'Ada' },
    ];
    expect(parseMessages(JSON.stringify(messages))).toEqual(messages);
  });

  it('names the member at fault, its value and what it must be', () => {
    const cases: readonly [unknown, string, RegExp][] = [
      [{}, 'messages', /must be a list/],
      [[], 'messages', /at least 1/],
      [['hi'], 'messages[0]', /must be an object/],
      [
        [
          { role: 'user', content: 'a' },
          { role: 'boss', content: 'b' },
        ],
        'messages[1].role',
        /"boss" must be one of system, /,
      ],
      [[{ content: 'a' }], 'messages[0].role', /undefined must be one of/],
      [[{ role: 'user' }], 'messages[0].content', /is missing/],
      [[{ role: 'user', content: 7 }], 'messages[0].content', /not number/],
      [
        [{ role: 'user', content: [{ type: 'image_url' }] }],
        'messages[0].content[0].type',
        /"image_url" must be "text"/,
      ],
      [[{ role: 'user', content: [{ type: 'text' }] }], 'messages[0].content[0].text', /must be a string/],
      [[{ role: 'user', content: [null] }], 'messages[0].content[0]', /must be an object/],
    ];
    for (const [messages, field, message] of cases) {
      const error = refusalOf(() => parseMessages(JSON.stringify(messages)));
      expect(error.field).toBe(field);
      expect(error.message).toMatch(message);
    }
  });

  it('refuses what is not JSON', () => {
    expect(refusalOf(() => parseMessages('[{')).code).toBe('invalid_request');
  });

  it('refuses more messages than it would go through', () => {
    const messages = new Array(5000).fill({ role: 'user', content: 'a' });
    expect(refusalOf(() => parseMessages(JSON.stringify(messages))).message).toMatch(/5000 messages .* at most 4096/);
  });
});

function refusalOf(action: () => unknown): ServingError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof ServingError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}
