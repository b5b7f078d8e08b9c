// Original file: proto/sluice/v1/worker.proto


export interface GetLoadRequestInit {
}

export interface GetLoadRequest {
}
