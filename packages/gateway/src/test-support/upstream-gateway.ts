import { afterEach } from 'vitest';
import { startUpstreamGateway, type UpstreamGateway } from './start-upstream-gateway.js';

/** Of the test that runs, from {@link start} to its end. */
export let gateway: UpstreamGateway;

export async function start(...[fakes, options]: Parameters<typeof startUpstreamGateway>): Promise<void> {
  gateway = await startUpstreamGateway(fakes, options);
}

afterEach(() => gateway.stop());
