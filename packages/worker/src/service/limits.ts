/** How much the service holds for others before it slows them, refuses or cuts. */
export interface ServiceLimits {
  /** Frames sent on a stream and not acknowledged; beyond it new tokens are merged into one frame that waits. */
  readonly framesUnacknowledgedMax: number;
  /** Estimated bytes of that waiting frame; beyond it the stream is ended with `slow_reader`. */
  readonly pendingBytesMax: number;
  /** Live requests of one stream; beyond it a submit fails with `queue_full`. */
  readonly requestsPerStreamMax: number;
  /** Milliseconds after which a stream without tokens gets a frame that carries only the load. */
  readonly idleFrameMs: number;
  /** Milliseconds for which a load that was sent stands, while frames bring tokens and no request comes or goes. */
  readonly loadEveryMs: number;
  /** Calls open at the same time on one connection. */
  readonly callsMax: number;
}

export const defaultLimits: ServiceLimits = {
  framesUnacknowledgedMax: 64,
  pendingBytesMax: 4 * 1024 * 1024,
  requestsPerStreamMax: 4_096,
  idleFrameMs: 500,
  loadEveryMs: 100,
  callsMax: 1_024,
};
