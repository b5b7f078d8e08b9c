// Original file: proto/sluice/v1/worker.proto


export interface DrainRequestInit {
}

export interface DrainRequest {
}
