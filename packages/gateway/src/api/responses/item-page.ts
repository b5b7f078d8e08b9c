import { z } from 'zod';
import { errorFromIssues, fieldError, preview } from '../field-error.js';
import type { ResponseItem } from './response-items.js';

const pageSchema = z.strictObject({
  after: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(['asc', 'desc']).default('desc'),
});

type PageQuery = z.output<typeof pageSchema>;

/** @throws ServingError `invalid_request` naming field, value and bound. */
export function parsePageQuery(query: Readonly<Record<string, unknown>>): PageQuery {
  const parsed = pageSchema.safeParse(query);
  if (!parsed.success) throw errorFromIssues(parsed.error.issues, query);
  return parsed.data;
}

/**
 * Body of `GET /v1/responses/:id/input_items`.
 * @throws ServingError `invalid_request` for a place that is not there.
 */
export function itemPage(items: readonly ResponseItem[], { after, limit, order }: PageQuery): string {
  const sorted = order === 'asc' ? items : items.toReversed();
  const at = after === undefined ? -1 : sorted.findIndex(({ id }) => id === after);
  if (after !== undefined && at < 0) throw fieldError('after', `${preview(after)} must be the id of an item`);
  const data = sorted.slice(at + 1, at + 1 + limit);
  return JSON.stringify({
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: at + 1 + limit < sorted.length,
  });
}
