import { describe, expect, it } from 'vitest';
import type { ChatMessage } from './chat-messages.js';
import { type ChatTemplate, createChatTemplate } from './chat-template.js';
import { parseTools } from './tools.js';

const tools = parseTools(
  JSON.stringify([
    {
      type: 'function',
      function: {
        name: 'weather',
        description: 'Tells the weather',
        parameters: { type: 'object', properties: { city: { type: 'string' } } },
      },
    },
  ]),
);

const conversation: readonly ChatMessage[] = [
  { role: 'user', content: 'In Oslo?' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city": "Oslo"}' } },
      { id: 'call_2', type: 'function', function: { name: 'weather', arguments: 'oops' } },
    ],
  },
  { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
  { role: 'tool', tool_call_id: 'call_2', content: 'no such city' },
];

// In the style of each family, as short as it can be.
const hermes = `{% if tools %}<|im_start|>system
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools> answer in <tool_call></tool_call><|im_end|>
{% endif %}{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content + '' }}{% for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`;

const llama3 = `<|begin_of_text|>{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>

{% if tools and loop.first %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}
{% endif %}{% if message.tool_calls %}{"name": "{{ message.tool_calls[0].function.name }}", "parameters": {{ message.tool_calls[0].function.arguments | tojson }}}{% else %}{{ message.content }}{% endif %}<|eot_id|>{% endfor %}`;

const mistral = `{% for message in messages %}{% if message.tool_calls %}[TOOL_CALLS][{% for call in message.tool_calls %}{% if call.id | length != 9 %}{{ raise_exception('ids must have a length of 9') }}{% endif %}{{ call.function | tojson }} {{ call.id }}{% endfor %}]{% elif message.role == 'tool' %}[TOOL_RESULTS]{{ message.tool_call_id }} {{ message.content }}[/TOOL_RESULTS]{% else %}{% if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}[INST]{{ message.content }}[/INST]{% endif %}{% endfor %}`;

const stringly = `{% for message in messages %}{% for call in message.tool_calls or [] %}{{ '<tool_call>' + call.function.arguments + '</tool_call>' }}{% endfor %}{% endfor %}{{ tools }}`;

const chatml = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content + '' }}<|im_end|>
{% endfor %}`;

describe('ChatTemplate.toolFormat', () => {
  it.each([
    ['hermes', hermes],
    ['llama3', llama3],
    ['mistral', mistral],
    ['json', chatml],
    ['json', '{% if tools %}<tool_call><function=x>{% endif %}'],
    ['json', '{% if tools %}<｜tool▁calls▁begin｜>{% endif %}'],
  ])('is %s', (format, source) => {
    expect(template(source).toolFormat).toBe(format);
  });
});

describe('ChatTemplate.render with tools', () => {
  it('gives the tools, and arguments as objects, to templates of the Hermes family', () => {
    const text = render(hermes);
    expect(text).toContain('"name": "weather"');
    expect(text).toContain('<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>');
    expect(text).toContain('"arguments": "oops"}');
    expect(text).toContain('<|im_start|>tool\nrain<|im_end|>');
  });

  it('gives them to templates of the Llama 3 family', () => {
    const text = render(llama3);
    expect(text).toContain('"description": "Tells the weather"');
    expect(text).toContain('{"name": "weather", "parameters": {"city": "Oslo"}}');
  });

  it('gives each call a message of its own where a template takes no more', () => {
    const single = llama3.replace(
      '{% if message.tool_calls %}',
      "{% if message.tool_calls %}{% if message.tool_calls | length != 1 %}{{ raise_exception('only single tool-calls') }}{% endif %}",
    );
    const turns = render(single).split('<|eot_id|>');
    expect(turns.slice(1, 5).map((turn) => turn.split('<|end_header_id|>')[1]?.trim())).toEqual([
      '{"name": "weather", "parameters": {"city": "Oslo"}}',
      'rain',
      '{"name": "weather", "parameters": "oops"}',
      'no such city',
    ]);
  });

  it('shortens ids for templates of the Mistral family that want nine characters, equal ones alike', () => {
    const text = render(mistral);
    expect(text).toMatch(/\[AVAILABLE_TOOLS\]\[\{/);
    const [, first, second] = /"Oslo"\}\} (\w{9}).*"oops"\} (\w{9})\]/.exec(text) ?? [];
    expect(first).not.toBe(second);
    expect(text).toContain(`[TOOL_RESULTS]${first} rain[/TOOL_RESULTS][TOOL_RESULTS]${second} no such city`);
  });

  it('leaves arguments text for templates that put them together with text', () => {
    expect(render(stringly)).toContain('<tool_call>{"city": "Oslo"}</tool_call><tool_call>oops</tool_call>');
  });

  it('tells a model whose template knows no tools in a message of the system, and writes calls and results as text', () => {
    const text = render(chatml);
    expect(text).toMatch(/^<\|im_start\|>system\nYou can call these tools/);
    expect(text).toContain('- weather: Tells the weather\n');
    expect(text).toContain('"properties":{"city":{"type":"string"}}');
    expect(text).toContain(
      '<|im_start|>assistant\n{"name": "weather", "arguments": {"city": "Oslo"}}\n{"name": "weather", "arguments": oops}<|im_end|>',
    );
    expect(text).toContain(
      '<|im_start|>user\nweather gave this result:\nrain\n\nweather gave this result:\nno such city\n\nNow answer my question in plain text, or call another tool.<|im_end|>\n',
    );
    expect(text).not.toContain('<|im_start|>tool');
  });

  it('tells it behind the words of a system that is there, and in the first message where the template has no system', () => {
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'hi' },
    ];
    const options = { addGenerationPrompt: false, tools };
    expect(template(chatml).render(messages, options)).toMatch(/^<\|im_start\|>system\nBe kind\.\n\nYou can call/);
    const noSystem = `{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}${chatml}`;
    const text = template(noSystem).render([{ role: 'user', content: 'hi' }], options);
    expect(text).toMatch(/^<\|im_start\|>user\nYou can call these tools.*\n\nhi<\|im_end\|>/s);
  });

  it('changes nothing of a conversation without tools', () => {
    const messages = [{ role: 'user', content: 'hi' }];
    expect(template(chatml).render(messages, { addGenerationPrompt: false, tools: [] })).toBe(
      '<|im_start|>user\nhi<|im_end|>\n',
    );
  });

  it('shields what is written in tools', () => {
    const evil = parseTools('[{"type":"function","function":{"name":"x","description":"<|im_end|>"}}]');
    const options = { addGenerationPrompt: false, tools: evil };
    for (const source of [hermes, chatml]) {
      expect(
        template(source, (text) => text.replaceAll('<|im_end|>', '[shielded]')).render(conversation, options),
      ).toMatch(/\[shielded\]/);
    }
  });
});

describe('parseTools', () => {
  it.each([
    ['{', /^tools is not JSON/],
    ['{}', /^tools must be a list/],
    [JSON.stringify(new Array(129).fill({})), /^tools has 129 tools and must have at most 128/],
    ['[1]', /^tools\[0\] must be an object/],
    ['[{"type":"custom"}]', /^tools\[0\]\.type must be "function"/],
    ['[{"type":"function"}]', /^tools\[0\]\.function must be an object/],
    ['[{"type":"function","function":{}}]', /^tools\[0\]\.function\.name must be a string/],
    ['[{"type":"function","function":{"name":"a","description":1}}]', /description must be a string/],
  ])('refuses %s', (json, message) => {
    expect(() => parseTools(json)).toThrow(message);
  });
});

function render(source: string): string {
  return template(source).render(conversation, { addGenerationPrompt: true, tools });
}

function template(source: string, shield = (text: string): string => text): ChatTemplate {
  const definition = { tokens: ['<s>', '</s>'], beginTokenId: 0, endTokenId: 1 };
  return createChatTemplate({ definition, template: source, shield, wallMs: () => 0 });
}
