// Original file: proto/sluice/v1/worker.proto


export interface DrainReplyInit {
}

export interface DrainReply {
}
