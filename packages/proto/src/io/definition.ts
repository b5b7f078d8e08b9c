import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from '../gen/worker.js';

/**
 * The contract as grpc-js wants it, read from `proto/sluice/v1/worker.proto` of this package when the module loads.
 * A frame of 64 deltas costs about 30 µs to encode and 20 µs to decode this way (frame.bench.ts), so nothing faster
 * than proto-loader is needed. The options and those of the package's `gen` script must agree.
 */
const loaded = loadPackageDefinition(
  loadSync('sluice/v1/worker.proto', {
    includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  }),
);

// grpc-js types what it loads as untyped objects; gen/ is made from the same file.
const { Worker } = (loaded as unknown as ProtoGrpcType).sluice.v1;

export const WorkerClientConstructor = Worker;
export const workerServiceDefinition = Worker.service;
