import { repeated } from '../ebnf.js';
import { countOf, malformed, SchemaError, type SchemaObject } from './json-schema.js';
import type { RuleWriter } from './schema-ebnf.js';

const ITEMS_MAX = 4_096;
/** Each one that may be left out is a group within a group. */
const PREFIX_ITEMS_MAX = 128;

/** An expression for an array; undefined where no array is valid. Items that no schema speaks of are left out. */
export function arrayEbnf(schema: SchemaObject, writer: RuleWriter): string | undefined {
  const { prefixItems = [], items, uniqueItems } = schema;
  if (!Array.isArray(prefixItems)) throw malformed('prefixItems', 'must be a list of schemas');
  if (prefixItems.length > PREFIX_ITEMS_MAX) {
    const problem = `of ${prefixItems.length} schemas is not supported; at most ${PREFIX_ITEMS_MAX} are`;
    throw new SchemaError('prefixItems', problem);
  }
  if (Array.isArray(items))
    throw new SchemaError('items', 'as a list is of an older draft; "prefixItems" is supported');
  const least = countOf(schema, 'minItems') ?? 0;
  const most = countOf(schema, 'maxItems') ?? Number.POSITIVE_INFINITY;
  if (least > ITEMS_MAX) throw new SchemaError('minItems', `${least} is not supported; at most ${ITEMS_MAX} is`);
  if (uniqueItems === true && most > 1) throw new SchemaError('uniqueItems', 'of more than one item is not supported');
  const unevaluated = schema.unevaluatedItems ?? (prefixItems.length > 0 ? false : undefined);
  const rest = writer.valueOf(items ?? unevaluated ?? true, 'items');

  const places = prefixItems.slice(0, most).map((item) => writer.valueOf(item, 'prefixItems'));
  const end = places.indexOf(undefined);
  const prefix = (end < 0 ? places : places.slice(0, end)) as string[];
  const hasRest = end < 0 && rest !== undefined && most > prefix.length;
  const itemsMax = hasRest ? most : prefix.length;
  if (least > itemsMax) return undefined;

  let tail = '';
  if (hasRest) {
    const bounded = Math.min(most, ITEMS_MAX) - prefix.length;
    const more = most === Number.POSITIVE_INFINITY ? undefined : bounded;
    tail = listTail(rest, Math.max(0, least - prefix.length), more, prefix.length === 0);
  }
  for (const [index, item] of [...prefix.entries()].reverse()) {
    const here = `${index === 0 ? '' : '", " '}${item}${tail === '' ? '' : ` ${tail}`}`;
    tail = index < least ? here : `(${here})?`;
  }
  return `"[" ${tail}${tail === '' ? '' : ' '}"]"`;
}

/** @param isFirst nothing stands before it, so that the first one comes without a comma. */
function listTail(item: string, least: number, most: number | undefined, isFirst: boolean): string {
  if (most === 0) return '';
  if (!isFirst) return repeated(`", " ${item}`, least, most);
  const more = repeated(`", " ${item}`, Math.max(0, least - 1), most === undefined ? undefined : most - 1);
  return least === 0 ? `(${item} ${more})?` : `${item} ${more}`;
}
