import { type Field, fieldsOf, jsonSchema } from './body-schema.js';
import { docsStyle } from './docs-style.js';
import { codesByStatus } from './errors.js';
import { fieldNote } from './field-notes.js';
import type { Answer, Operation } from './operation.js';
import { operations } from './operations.js';
import { typeLine } from './type-line.js';

/** The API as a page of HTML, without scripts and without anything from elsewhere. */
export function docsPage(): string {
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  const groups = tags.map((tag) => [tag, operations.filter((operation) => operation.tag === tag)] as const);
  const links = groups.map(
    ([tag, members]) => `<h2>${plain(tag)}</h2><ul>${members.map((each) => `<li>${link(each)}</li>`).join('')}</ul>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice: the API</title>
<style>${docsStyle}</style>
</head>
<body>
<nav><p class="name">Sluice</p>${links.join('')}</nav>
<main>
<h1>The API</h1>
<p>A field that is null is as good as absent. A field that is not known, or asks for what is not done, is refused by name,
never ignored. <a href="/openapi.json">openapi.json</a> says the same to programs.</p>
${operations.map(section).join('\n')}
</main>
</body>
</html>
`;
}

/** What a page that nobody wrote into may load: its own style. */
export const docsPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

function link(operation: Operation): string {
  return `<a href="#${anchor(operation)}">${badge(operation)} ${plain(operation.path)}</a>`;
}

function section(operation: Operation): string {
  const { path, summary, description, places = {}, headers = [], body, answer } = operation;
  const rows = [
    ...Object.entries(places).map(([name, note]) => row(name, 'string', note, 'required')),
    ...headers.map((header) => row(header.name, typeLine(header.schema), header.description)),
  ];
  return `<section id="${anchor(operation)}">
<h2>${badge(operation)} <code>${plain(path)}</code></h2>
<p>${plain(summary)}.${description === undefined ? '' : ` ${prose(description)}`}</p>
${rows.length === 0 ? '' : table('Path and headers', rows)}
${
  body === undefined
    ? ''
    : table(
        'Body',
        fieldsOf(body).map((field) => fieldRow(path, field)),
      )
}
${answerPart(answer)}
${errorPart(operation)}
</section>`;
}

function fieldRow(path: string, { name, kind, isRequired, schema }: Field): string {
  switch (kind) {
    case 'supported':
      return row(name, typeLine(schema), fieldNote(path, name) ?? '', isRequired ? 'required' : '');
    case 'neutral':
      return row(name, typeLine(schema), 'Not done; only values that ask for nothing.', 'neutral');
    case 'refused':
      return row(name, '', 'Not done, whatever it holds.', 'refused');
  }
}

function row(name: string, type: string, note: string, mark = ''): string {
  const shown = mark === '' ? '' : ` <span class="mark ${mark}">${mark}</span>`;
  return `<tr><td><code>${plain(name)}</code>${shown}</td><td>${plain(type)}</td><td>${prose(note)}</td></tr>`;
}

function table(title: string, rows: readonly string[]): string {
  return `<h3>${title}</h3><table>${rows.join('')}</table>`;
}

function answerPart({ description, json, event, type }: Answer): string {
  const shapes = [
    ...(json === undefined ? [] : [details('application/json', json)]),
    ...(event === undefined ? [] : [details('text/event-stream, each event', event)]),
    ...(type === undefined ? [] : [`<p><code>${plain(type)}</code></p>`]),
  ];
  return `<h3>200</h3><p>${prose(description)}</p>${shapes.join('')}`;
}

function details(title: string, schema: Parameters<typeof jsonSchema>[0]): string {
  const text = JSON.stringify(jsonSchema(schema), undefined, 2);
  return `<details><summary>${plain(title)}</summary><pre>${plain(text)}</pre></details>`;
}

function errorPart({ errors }: Operation): string {
  if (errors.length === 0) return '';
  const rows = [...codesByStatus(errors)].map(([status, codes]) => {
    const names = codes.map((code) => `<code>${code}</code>`).join(' ');
    return `<tr><td>${status}</td><td>${names}</td></tr>`;
  });
  return `<h3>Errors</h3><table class="errors">${rows.join('')}</table>`;
}

function badge({ method }: Operation): string {
  return `<b class="${method}">${method.toUpperCase()}</b>`;
}

function anchor({ method, path }: Operation): string {
  return `${method}${path.replace(/[^a-z]+/g, '-')}`.replace(/-$/, '');
}

/** Text with `code` in it. */
function prose(text: string): string {
  return plain(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function plain(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
