import { Metadata, type ServiceError, type StatusObject, type status } from '@grpc/grpc-js';

/** An error as it crosses the wire: `code` and `grpcStatus` are a row of the error table in packages/shared. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly grpcStatus: number;
  /** The request field at fault. */
  readonly field?: string | undefined;
}

const codeKey = 'sluice-error-code';
const fieldKey = 'sluice-error-field';

/** The status a call ends with; code and field travel as trailing metadata, texts cut to what headers can carry. */
export function errorToStatus(error: WireError): StatusObject {
  const metadata = new Metadata();
  metadata.set(codeKey, error.code);
  // Metadata values are visible ASCII only.
  if (error.field !== undefined) metadata.set(fieldKey, encodeURIComponent(forHeader(error.field, 256)));
  return { code: error.grpcStatus as status, details: forHeader(error.message, 1_024), metadata };
}

/**
 * What {@link errorToStatus} was given on the other side. Undefined for a status that no worker set: a lost connection,
 * a deadline, a server that speaks something else.
 */
export function statusToError(error: Pick<ServiceError, 'code' | 'details' | 'metadata'>): WireError | undefined {
  const code = first(error.metadata, codeKey);
  if (code === undefined) return undefined;
  const field = first(error.metadata, fieldKey);
  return {
    code,
    message: error.details,
    grpcStatus: error.code,
    field: field === undefined ? undefined : decodeURIComponent(field),
  };
}

/** Text that may be percent-encoded, which half a surrogate pair may not: it would throw inside the server. */
function forHeader(text: string, charactersMax: number): string {
  return Buffer.from(text.slice(0, charactersMax)).toString();
}

function first(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return value === undefined ? undefined : value.toString();
}
