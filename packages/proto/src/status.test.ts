import { describe, expect, it } from 'vitest';
import { errorToStatus, statusToError } from './status.js';

const full = { code: 'invalid_request', message: 'top_p 2 must be at most 1', grpcStatus: 3, field: 'top_p' };

describe('errorToStatus', () => {
  it('carries code, message and field to the other side', () => {
    expect(statusToError(errorToStatus(full))).toEqual(full);
    expect(statusToError(errorToStatus({ ...full, field: undefined }))).toEqual({ ...full, field: undefined });
  });

  it('carries a field that is no ASCII', () => {
    expect(statusToError(errorToStatus({ ...full, field: 'prix_€' }))?.field).toBe('prix_€');
  });

  it('makes of any text what a header can carry', () => {
    const { details, metadata } = errorToStatus({ ...full, message: '\ud800 half', field: '\udc00' });
    expect(encodeURI(details)).toBe('%EF%BF%BD%20half');
    expect(metadata.get('sluice-error-field')).toEqual(['%EF%BF%BD']);
    const long = errorToStatus({ ...full, message: '€'.repeat(100_000), field: '€'.repeat(100_000) });
    expect(encodeURI(long.details).length).toBeLessThan(10_000);
    expect(statusToError(long)?.field?.length).toBeLessThan(300);
  });
});

describe('statusToError', () => {
  it('knows nothing of a status that no worker set', () => {
    const { metadata } = errorToStatus(full);
    metadata.remove('sluice-error-code');
    expect(statusToError({ code: 14, details: 'connection refused', metadata })).toBeUndefined();
  });
});
