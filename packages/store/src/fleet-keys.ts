import { createHash } from 'node:crypto';

/** The keys of one fleet. All of them share one hash tag, so that scripts over several work on a Cluster too. */
export interface FleetKeys {
  readonly probe: string;
  /** Of a kind of members: their expiry by id, and their records by id. */
  members(kind: MemberKind): readonly [expiry: string, records: string];
  limit(name: string): string;
  /** Of one stream's journal: what is known of it, and its entries. */
  journal(streamId: string): readonly [state: string, entries: string];
  /** Of all responses: their expiry by id, and their bytes by id. */
  readonly responses: readonly [expiry: string, bytes: string];
  response(id: string): string;
}

export type MemberKind = 'workers' | 'gateways';

/** A fleet's name: what a hash tag may hold, and short. */
export const fleetNamePattern = /^[\w.-]{1,64}$/;

export function fleetKeys(fleet: string): FleetKeys {
  const prefix = `{sluice:${fleet}}`;
  return {
    probe: `${prefix}:probe`,
    members: (kind) => [`${prefix}:${kind}:expiry`, `${prefix}:${kind}:records`],
    limit: (name) => `${prefix}:limit:${shortName(name)}`,
    journal: (streamId) => [`${prefix}:journal:${streamId}:state`, `${prefix}:journal:${streamId}:entries`],
    responses: [`${prefix}:responses:expiry`, `${prefix}:responses:bytes`],
    response: (id) => `${prefix}:response:${id}`,
  };
}

/** A name as it is, or its digest where it is long: names may hold what callers say of themselves. */
export function shortName(name: string): string {
  return name.length <= 200 ? name : `sha256-${createHash('sha256').update(name).digest('hex')}`;
}
