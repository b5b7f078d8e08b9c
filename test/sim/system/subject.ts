/**
 * What is under test: gateways and workers as they ship. The only door to them, so that a mutant is this module with
 * `?mutant=NAME` behind it, as for the engine alone (../subject.ts).
 */
export { Admission } from '../../../packages/gateway/src/admission/admission.js';
export { Gatekeeper } from '../../../packages/gateway/src/auth/gatekeeper.js';
export { Gateway } from '../../../packages/gateway/src/gateway.js';
export { adminAccess } from '../../../packages/gateway/src/http/admin-access.js';
export { createApp } from '../../../packages/gateway/src/http/app.js';
export { createMetrics } from '../../../packages/gateway/src/metrics/metrics.js';
export { createRoutingMetrics } from '../../../packages/gateway/src/metrics/routing-metrics.js';
export { createRouting } from '../../../packages/gateway/src/routing/policies.js';
export { PrefixIndex } from '../../../packages/gateway/src/routing/prefix-index.js';
export { Routing } from '../../../packages/gateway/src/routing/routing.js';
export { StreamJournals } from '../../../packages/gateway/src/streams/stream-journals.js';
export { HttpWorker } from '../../../packages/gateway/src/upstreams/http-worker.js';
export { joinFleet } from '../../../packages/gateway/src/workers/fleet-membership.js';
export { FleetWorkers } from '../../../packages/gateway/src/workers/fleet-workers.js';
export { WorkerConnection } from '../../../packages/gateway/src/workers/worker-connection.js';
export { Engine } from '../../../packages/worker/src/engine/engine.js';
export { createPolicy } from '../../../packages/worker/src/engine/scheduler/policies.js';
export { WorkerService } from '../../../packages/worker/src/service/worker-service.js';
