import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, makeClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { frameCodec } from '../frame-codec.js';
import type { WorkerDefinition } from '../gen/sluice/v1/Worker.js';
import type { ProtoGrpcType } from '../gen/worker.js';

/**
 * The contract as grpc-js wants it, read from `proto/sluice/v1/worker.proto` of this package when the module loads. The
 * options and those of the package's `gen` script must agree.
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

const { Attach, Generate, GetLoad } = Worker.service;

/** What proto-loader makes of the messages of a worker; for tests. */
export const generalMessageCodec = { serialize: Attach.responseSerialize, deserialize: Attach.responseDeserialize };

const { serialize, deserialize } = frameCodec({
  message: generalMessageCodec,
  event: { serialize: Generate.responseSerialize, deserialize: Generate.responseDeserialize },
  load: { serialize: GetLoad.responseSerialize, deserialize: GetLoad.responseDeserialize },
});

export const workerServiceDefinition: WorkerDefinition = {
  ...Worker.service,
  Attach: { ...Attach, responseSerialize: serialize, responseDeserialize: deserialize },
};
export const WorkerClientConstructor = makeClientConstructor(
  workerServiceDefinition,
  'Worker',
) as unknown as typeof Worker;
