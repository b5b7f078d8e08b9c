export { makeKey, parseKeyFile } from './auth/api-keys.js';
export { parseContentRules } from './content/content-rules.js';
export { type GatewayOptions, type RunningGateway, startGateway } from './io/start-gateway.js';
export type { MetricPart } from './metrics/whole-metrics.js';
export type { SiblingMetrics, Siblings, WorkerChange } from './processes/siblings.js';
export { createRouting, defaultRouting, type RoutingName, routingNames } from './routing/policies.js';
export type { Policy as RoutingPolicy, RoutingRequest, RoutingView, WorkerView } from './routing/policy.js';
export { PrefixIndex } from './routing/prefix-index.js';
export { type RoutableWorker, Routing } from './routing/routing.js';
