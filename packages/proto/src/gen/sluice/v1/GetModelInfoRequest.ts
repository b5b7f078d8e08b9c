// Original file: proto/sluice/v1/worker.proto


export interface GetModelInfoRequestInit {
}

export interface GetModelInfoRequest {
}
