export { HealthImplementation, service as healthServiceDefinition } from 'grpc-health-check';

/** The name under which a worker reports its health; the empty name stands for the whole process. */
export const workerHealthName = 'sluice.v1.Worker';
