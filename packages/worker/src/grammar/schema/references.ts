import { asSchema, isObject, malformed, SchemaError, type SchemaObject } from './json-schema.js';

/** Finds what `$ref` names in a schema's own document. */
export class References {
  readonly #root: unknown;

  constructor(root: unknown) {
    this.#root = root;
  }

  /** @throws SchemaError for another document, for a name that leads nowhere, and inside a schema with its own `$id`. */
  resolve(reference: unknown): SchemaObject | boolean {
    if (typeof reference !== 'string') throw malformed('$ref', 'must be a string');
    const shown = JSON.stringify(reference.slice(0, 200));
    if (!reference.startsWith('#'))
      throw new SchemaError('$ref', `${shown} leads out of the schema, which is not supported`);
    const name = decoded(reference.slice(1));
    const found = name === '' || name?.startsWith('/') ? this.#at(name.slice(1), name === '') : this.#anchor(name);
    if (found === undefined) throw malformed('$ref', `${shown} leads nowhere`);
    return asSchema(found, '$ref');
  }

  #at(pointer: string, isRoot: boolean): unknown {
    let place: unknown = this.#root;
    if (isRoot) return place;
    for (const part of pointer.split('/')) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      if (Array.isArray(place)) place = place[Number(key)];
      else if (isObject(place) && Object.hasOwn(place, key)) place = place[key];
      else return undefined;
      if (isObject(place) && place.$id !== undefined) {
        throw new SchemaError('$id', 'inside a schema changes what references mean, which is not supported');
      }
    }
    return place;
  }

  #anchor(name: string | undefined): unknown {
    const search = (place: unknown): unknown => {
      if (Array.isArray(place)) return firstOf(place, search);
      if (!isObject(place)) return undefined;
      return place.$anchor === name ? place : firstOf(Object.values(place), search);
    };
    return name === undefined ? undefined : search(this.#root);
  }
}

function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

function firstOf(values: readonly unknown[], search: (value: unknown) => unknown): unknown {
  for (const value of values) {
    const found = search(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
