import { asSchema, isObject, malformed, SchemaError, type SchemaObject } from './json-schema.js';

/** Finds what `$ref` names in a schema's own document. */
export class References {
  readonly #root: unknown;
  #anchors: ReadonlyMap<string, SchemaObject> | undefined;

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
    this.#anchors ??= anchorsIn(this.#root, new Map());
    return name === undefined ? undefined : this.#anchors.get(name);
  }
}

/** The first of each name. */
function anchorsIn(place: unknown, anchors: Map<string, SchemaObject>): Map<string, SchemaObject> {
  if (typeof place !== 'object' || place === null) return anchors;
  if (isObject(place) && typeof place.$anchor === 'string' && !anchors.has(place.$anchor)) {
    anchors.set(place.$anchor, place);
  }
  for (const inner of Object.values(place)) anchorsIn(inner, anchors);
  return anchors;
}

function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
