export { type GatewayOptions, type RunningGateway, startGateway } from './io/start-gateway.js';
export { leastLoad } from './routing/least-load.js';
export type { Policy as RoutingPolicy, RoutingRequest, RoutingView, WorkerView } from './routing/policy.js';
