export { type GatewayOptions, type RunningGateway, startGateway } from './io/start-gateway.js';
