import { ServingError } from '@sluice/shared';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errorFromIssues, fieldError, preview } from '../api/field-error.js';
import type { WorkerChange } from '../processes/siblings.js';
import { type FleetWorkers, workersMax } from '../workers/fleet-workers.js';
import { parseWorkerAddress, workerAddressExample } from '../workers/worker-address.js';
import type { AdminAccess } from './admin-access.js';
import type { Calls } from './calls.js';
import type { HttpReply } from './http-reply.js';

export interface AdminRouteParts {
  readonly workers: FleetWorkers;
  readonly access: AdminAccess;
  readonly calls: Calls;
  readonly onWorkerChange: (change: WorkerChange) => void;
}

/** Body of `POST /admin/workers`. */
export const addWorkerSchema = z.strictObject({ address: z.string() });

/** GET /admin/workers, POST /admin/workers with `{"address":"grpc://host:port"}`, DELETE /admin/workers/host:port. */
export function addAdminRoutes(
  app: FastifyInstance,
  { workers, access, calls, onWorkerChange }: AdminRouteParts,
): void {
  const route = (
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    answer: (request: FastifyRequest, reply: HttpReply) => void,
  ): void => {
    app.route({
      method,
      url,
      // Before the body is read: nobody else's is worth it.
      onRequest: async (request) => {
        calls.setCaller(request, await access(request));
      },
      handler: (request, reply) => {
        answer(request, calls.replyTo(request, reply));
        reply.hijack();
      },
    });
  };
  route('GET', '/admin/workers', (_, reply) => reply.send(200, JSON.stringify({ workers: workers.list() })));
  route('POST', '/admin/workers', ({ body }, reply) => {
    const parsed = addWorkerSchema.safeParse(body);
    if (!parsed.success) throw errorFromIssues(parsed.error.issues, body);
    const address = checkedAddress(parsed.data.address);
    if (!workers.add(address)) {
      throw fieldError('address', `${address} would be one worker more than the ${workersMax} that a gateway may have`);
    }
    onWorkerChange({ kind: 'add', address });
    reply.send(200, JSON.stringify({ address }));
  });
  route('DELETE', '/admin/workers/*', ({ params }, reply) => {
    const address = checkedAddress((params as { '*': string })['*']);
    if (!workers.remove(address)) throw new ServingError('not_found', `there is no worker ${address}`);
    onWorkerChange({ kind: 'remove', address });
    reply.send(200, JSON.stringify({ address }));
  });
}

function checkedAddress(given: string): string {
  const address = parseWorkerAddress(given);
  if (address !== undefined) return address;
  throw fieldError('address', `${preview(given)} must be ${workerAddressExample}`);
}
