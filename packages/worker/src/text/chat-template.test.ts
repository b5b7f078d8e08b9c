import { ServingError } from '@sluice/shared';
import { describe, expect, it } from 'vitest';
import { type ChatTemplate, createChatTemplate } from './chat-template.js';

const chatml =
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}" +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';

describe('ChatTemplate.render', () => {
  it('opens the assistant turn only when asked to', () => {
    const messages = [{ role: 'user', content: 'hi' }];
    const asked = '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n';
    expect(template(chatml).render(messages, { addGenerationPrompt: true })).toBe(asked);
    const notAsked = '<|im_start|>user\nhi<|im_end|>\n';
    expect(template(chatml).render(messages, { addGenerationPrompt: false })).toBe(notAsked);
  });

  it('gives text parts as lines to a template that wants strings, and as parts to one that goes through them', () => {
    const content = [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ] as const;
    const messages = [{ role: 'user', content }];
    expect(rendered("{{ messages[0]['content'] }}", messages)).toBe('one\ntwo');
    const parts =
      "{% for message in messages %}{% for part in message['content'] %}({{ part['text'] }}){% endfor %}{% endfor %}";
    expect(rendered(parts, messages)).toBe('(one)(two)');
  });

  it('calls a developer a system for templates that do not know the role', () => {
    const messages = [{ role: 'developer', content: 'x' }];
    expect(rendered('{{ messages[0].role }}', messages)).toBe('system');
    expect(rendered("{{ messages[0].role }}{% if messages[0].role == 'developer' %}!{% endif %}", messages)).toBe(
      'developer!',
    );
  });

  it('gives begin token, end token, tools and the date in UTC', () => {
    expect(rendered("{{ bos_token }}{{ eos_token }}{{ strftime_now('%d %b %Y') }}")).toBe('<s></s>21 Nov 2026');
    const tools = template('{% if tools %}<tool_call>{{ tools | tojson }}{% else %}none{% endif %}');
    const messages = [{ role: 'user', content: 'hi' }];
    expect(
      tools.render(messages, { addGenerationPrompt: true, tools: [{ type: 'function', function: { name: 'f' } }] }),
    ).toContain('function');
    expect(tools.render(messages, { addGenerationPrompt: true })).toBe('none');
  });

  it('shields every string that a person wrote and none of its own', () => {
    const shielding = template('</s>{{ messages[0].content }}{{ messages[0].name }}', (text) =>
      text.replaceAll('</s>', '[shielded]'),
    );
    const messages = [{ role: 'user', content: 'a</s>', name: 'b</s>' }];
    expect(shielding.render(messages, { addGenerationPrompt: false })).toBe('</s>a[shielded]b[shielded]');
  });

  it('tells the caller why the template refuses a conversation', () => {
    const error = refusalOf(() => rendered("{{ raise_exception('roles must alternate') }}"));
    expect([error.code, error.field]).toEqual(['invalid_request', 'messages']);
    expect(error.message).toMatch(/roles must alternate/);
  });

  it('renders again after a refusal', () => {
    const once = template("{% if messages | length > 1 %}{{ raise_exception('too many') }}{% endif %}ok");
    const message = { role: 'user', content: 'hi' };
    expect(() => once.render([message, message], { addGenerationPrompt: true })).toThrow(ServingError);
    expect(once.render([message], { addGenerationPrompt: true })).toBe('ok');
  });

  it('bounds a loop that a template makes', () => {
    expect(() => rendered('{% for i in range(1000000000) %}x{% endfor %}')).toThrow(/at most 100000 numbers/);
    expect(rendered('{% for i in range(2, 8, 2) %}{{ i }}{% endfor %}')).toBe('246');
  });
});

describe('createChatTemplate', () => {
  it('names a template that is not sound as the fault of the model', () => {
    expect(refusalOf(() => template('{% for x in %}')).code).toBe('model_unusable');
  });
});

function rendered(
  source: string,
  messages: Parameters<ChatTemplate['render']>[0] = [{ role: 'user', content: 'hi' }],
): string {
  return template(source).render(messages, { addGenerationPrompt: true });
}

function template(source: string, shield = (text: string): string => text): ChatTemplate {
  const definition = { tokens: ['<s>', '</s>'], beginTokenId: 0, endTokenId: 1 };
  return createChatTemplate({ definition, template: source, shield, wallMs: () => Date.UTC(2026, 10, 21, 23, 30) });
}

function refusalOf(action: () => unknown): ServingError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof ServingError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}
