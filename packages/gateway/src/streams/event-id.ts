import { fieldError, preview } from '../api/field-error.js';

/** How far a client has come in a stream: what it sends as `last-event-id`. */
export interface EventId {
  readonly streamId: string;
  /** Of the last event it has; -1: it has none. */
  readonly position: number;
}

const eventIdPattern = /^([\w-]{22})\.(\d{1,9})$/;

/** @throws ServingError `invalid_request` naming the header. */
export function parseEventId(given: unknown): EventId {
  const [, streamId, position] = eventIdPattern.exec(String(given)) ?? [];
  if (streamId !== undefined) return { streamId, position: Number(position) };
  throw fieldError('last-event-id', `${preview(given)} must be the id of an event, as the stream gave it`);
}

/**
 * For a stream that is asked for by its name.
 * @param given the header, where there is one; else the stream is wanted from its beginning.
 * @throws ServingError `invalid_request` naming the header.
 */
export function eventIdOf(streamId: string, given: unknown): EventId {
  const id = given === undefined ? { streamId, position: -1 } : parseEventId(given);
  if (id.streamId === streamId) return id;
  throw fieldError('last-event-id', `${preview(given)} must be the id of an event of stream ${preview(streamId)}`);
}
