export { makeKey, parseKeyFile } from './auth/api-keys.js';
export { type GatewayOptions, type RunningGateway, startGateway } from './io/start-gateway.js';
export { createRouting, defaultRouting, type RoutingName, routingNames } from './routing/policies.js';
export type { Policy as RoutingPolicy, RoutingRequest, RoutingView, WorkerView } from './routing/policy.js';
export { PrefixIndex } from './routing/prefix-index.js';
export { type RoutableWorker, Routing } from './routing/routing.js';
