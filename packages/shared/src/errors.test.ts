import { describe, expect, it } from 'vitest';
import { asServingError, errorTable, isErrorCode, ServingError } from './errors.js';

describe('ServingError', () => {
  it('knows its row of the table, the field and the cause', () => {
    const cause = new Error('private');
    const error = new ServingError('queue_full', 'too many', { field: 'model', cause });
    expect(error.row).toBe(errorTable.queue_full);
    expect(error).toMatchObject({
      name: 'ServingError',
      code: 'queue_full',
      field: 'model',
      message: 'too many',
      cause,
    });
  });

  it('has no cause of its own making', () => {
    expect('cause' in new ServingError('internal', 'oops')).toBe(false);
  });
});

describe('errorTable', () => {
  it('blames the client exactly for statuses that say so', () => {
    for (const [code, row] of Object.entries(errorTable)) {
      expect(row.httpStatus >= 400 && row.httpStatus < 600, code).toBe(true);
      expect(row.grpcStatus >= 1 && row.grpcStatus <= 16, code).toBe(true);
      expect(row.fault === 'client', code).toBe(row.httpStatus < 500 && row.httpStatus !== 429);
    }
  });
});

describe('isErrorCode', () => {
  it('knows the codes of the table and no property of an object', () => {
    expect(isErrorCode('draining')).toBe(true);
    for (const other of ['', 'Draining', 'toString', '__proto__', 'hasOwnProperty'])
      expect(isErrorCode(other)).toBe(false);
  });
});

describe('asServingError', () => {
  it('keeps what was meant for the caller', () => {
    const error = new ServingError('draining', 'later');
    expect(asServingError(error)).toBe(error);
  });

  it.each([[new Error('password 123')], ['password 123'], [undefined], [null], [{ code: 'draining' }]])(
    'hides everything else: %s',
    (thrown) => {
      const error = asServingError(thrown);
      expect(error.code).toBe('internal');
      expect(error.message).not.toContain('123');
      if (thrown !== undefined) expect(error.cause).toBe(thrown);
    },
  );
});
