import { ServingError } from '@sluice/shared';
import { type CatalogueEntry, catalogue } from './catalogue.js';

/** What a model's name turned out to be. */
export type ModelName =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'catalogue'; readonly name: string; readonly entry: CatalogueEntry }
  | { readonly kind: 'hub'; readonly repository: string; readonly file: string | undefined };

const hubName = /^(?<repository>[\w][\w.-]*\/[\w][\w.-]*)(?::(?<file>.+))?$/;

/**
 * A short name of the catalogue, else a path if it looks like one, else a hub id `organisation/repository[:file]`.
 * @param isFile whether a path leads to a file.
 * @throws ServingError 'model_not_found' listing what a name can be.
 */
export function parseModelName(name: string, isFile: (path: string) => boolean): ModelName {
  const entry = Object.hasOwn(catalogue, name) ? catalogue[name] : undefined;
  if (entry !== undefined) return { kind: 'catalogue', name, entry };
  if (name !== '' && isFile(name)) return { kind: 'path', path: name };
  const { repository, file } = hubName.exec(name)?.groups ?? {};
  if (looksLikePath(name) && file === undefined) throw new ServingError('model_not_found', `there is no file ${name}`);
  if (repository === undefined || repository.includes('..')) throw unknownName(name);
  if (file !== undefined && !isSafePath(file)) {
    throw new ServingError('model_not_found', `model name "${name}": "${file}" is not a file of a repository`);
  }
  return { kind: 'hub', repository, file };
}

function looksLikePath(name: string): boolean {
  return /^[./~\\]|^[A-Za-z]:\\|\.gguf$/.test(name);
}

function isSafePath(file: string): boolean {
  return file.split('/').every((part) => /^[\w][\w.+ -]*$/.test(part) && part !== '..') && file.endsWith('.gguf');
}

function unknownName(name: string): ServingError {
  const names = Object.keys(catalogue).join(', ');
  return new ServingError(
    'model_not_found',
    `model name "${name}" is none of: a path to a GGUF file, a hub id organisation/repository[:file.gguf], or one of ${names}`,
  );
}
