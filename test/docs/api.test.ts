import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Field, fieldsOf } from '../../packages/gateway/src/openapi/body-schema.js';
import { fieldNote } from '../../packages/gateway/src/openapi/field-notes.js';
import { operations } from '../../packages/gateway/src/openapi/operations.js';
import { typeLine } from '../../packages/gateway/src/openapi/type-line.js';

const page = fileURLToPath(new URL('../../docs/api.md', import.meta.url));

const head = `# Fields

Every field of every request, what it may hold, and what is done with it. A field that is null is as good as absent. One
that is not here is refused by name, and so is one that asks for what is not done: where a field says _not done_, only the
values beside it pass, which ask for nothing. \`GET /docs\` of a gateway shows the same with headers, replies and errors. A
test compares this page with the schemas that check requests.
`;

it('docs/api.md lists the fields that the schemas have and nothing else; SLUICE_UPDATE_DOCS=1 writes it anew', () => {
  const described = operations.filter(({ body }) => body !== undefined);
  const sections = described.map(({ method, path, body }) => ({
    title: `${method.toUpperCase()} ${path}`,
    rows: fieldsOf(body!).map((field) => cells(path, field)),
  }));
  if (process.env.SLUICE_UPDATE_DOCS === '1') {
    const tables = sections.map(({ title, rows }) => {
      const lines = rows.map((row) => `| ${row.join(' | ')} |`);
      return `\n## ${title}\n\n| field | values | what is done |\n| --- | --- | --- |\n${lines.join('\n')}\n`;
    });
    writeFileSync(page, head + tables.join(''));
  }
  const text = readFileSync(page, 'utf8');
  expect(text.startsWith(head)).toBe(true);
  const written = text
    .split(/^## /m)
    .slice(1)
    .map((section) => ({
      title: section.slice(0, section.indexOf('\n')),
      rows: [...section.matchAll(/^\| (`.*?)\s*\| (.*?)\s*\| (.*?)\s*\|$/gm)].map((row) => row.slice(1)),
    }));
  expect(written).toEqual(sections);
  expect(sections.length).toBeGreaterThan(2);
});

function cells(path: string, { name, kind, isRequired, schema }: Field): readonly string[] {
  const done = { supported: fieldNote(path, name) ?? '', neutral: '_not done_', refused: '_refused_' }[kind];
  const values = kind === 'refused' ? '' : typeLine(schema).replaceAll('|', '\\|');
  return [`\`${name}\`${isRequired ? ', required' : ''}`, values, done];
}
