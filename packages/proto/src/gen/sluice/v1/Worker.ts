// Original file: proto/sluice/v1/worker.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DetokenizeReplyInit as _sluice_v1_DetokenizeReplyInit, DetokenizeReply as _sluice_v1_DetokenizeReply } from '../../sluice/v1/DetokenizeReply.js';
import type { DetokenizeRequestInit as _sluice_v1_DetokenizeRequestInit, DetokenizeRequest as _sluice_v1_DetokenizeRequest } from '../../sluice/v1/DetokenizeRequest.js';
import type { DrainReplyInit as _sluice_v1_DrainReplyInit, DrainReply as _sluice_v1_DrainReply } from '../../sluice/v1/DrainReply.js';
import type { DrainRequestInit as _sluice_v1_DrainRequestInit, DrainRequest as _sluice_v1_DrainRequest } from '../../sluice/v1/DrainRequest.js';
import type { GatewayMessageInit as _sluice_v1_GatewayMessageInit, GatewayMessage as _sluice_v1_GatewayMessage } from '../../sluice/v1/GatewayMessage.js';
import type { GenerateEventInit as _sluice_v1_GenerateEventInit, GenerateEvent as _sluice_v1_GenerateEvent } from '../../sluice/v1/GenerateEvent.js';
import type { GenerateRequestInit as _sluice_v1_GenerateRequestInit, GenerateRequest as _sluice_v1_GenerateRequest } from '../../sluice/v1/GenerateRequest.js';
import type { GetLoadRequestInit as _sluice_v1_GetLoadRequestInit, GetLoadRequest as _sluice_v1_GetLoadRequest } from '../../sluice/v1/GetLoadRequest.js';
import type { GetModelInfoRequestInit as _sluice_v1_GetModelInfoRequestInit, GetModelInfoRequest as _sluice_v1_GetModelInfoRequest } from '../../sluice/v1/GetModelInfoRequest.js';
import type { LoadInit as _sluice_v1_LoadInit, Load as _sluice_v1_Load } from '../../sluice/v1/Load.js';
import type { ModelInfoInit as _sluice_v1_ModelInfoInit, ModelInfo as _sluice_v1_ModelInfo } from '../../sluice/v1/ModelInfo.js';
import type { TokenizeReplyInit as _sluice_v1_TokenizeReplyInit, TokenizeReply as _sluice_v1_TokenizeReply } from '../../sluice/v1/TokenizeReply.js';
import type { TokenizeRequestInit as _sluice_v1_TokenizeRequestInit, TokenizeRequest as _sluice_v1_TokenizeRequest } from '../../sluice/v1/TokenizeRequest.js';
import type { WorkerMessageInit as _sluice_v1_WorkerMessageInit, WorkerMessage as _sluice_v1_WorkerMessage } from '../../sluice/v1/WorkerMessage.js';

export interface WorkerClient extends grpc.Client {
  /**
   * One long-lived stream per gateway. After each forward pass the worker sends one StepFrame that carries every new
   * token of that gateway's requests, so that the cost of the wire is per step and not per token and request.
   * The first message each way is Attach and Welcome. When the stream ends, the worker cancels what came over it.
   */
  Attach(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_GatewayMessageInit, _sluice_v1_WorkerMessage>;
  Attach(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_GatewayMessageInit, _sluice_v1_WorkerMessage>;
  /**
   * One long-lived stream per gateway. After each forward pass the worker sends one StepFrame that carries every new
   * token of that gateway's requests, so that the cost of the wire is per step and not per token and request.
   * The first message each way is Attach and Welcome. When the stream ends, the worker cancels what came over it.
   */
  attach(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_GatewayMessageInit, _sluice_v1_WorkerMessage>;
  attach(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_GatewayMessageInit, _sluice_v1_WorkerMessage>;
  
  Detokenize(argument: _sluice_v1_DetokenizeRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DetokenizeReply>): grpc.ClientUnaryCall;
  Detokenize(argument: _sluice_v1_DetokenizeRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_DetokenizeReply>): grpc.ClientUnaryCall;
  Detokenize(argument: _sluice_v1_DetokenizeRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DetokenizeReply>): grpc.ClientUnaryCall;
  Detokenize(argument: _sluice_v1_DetokenizeRequestInit, callback: grpc.requestCallback<_sluice_v1_DetokenizeReply>): grpc.ClientUnaryCall;
  detokenize(argument: _sluice_v1_DetokenizeRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DetokenizeReply>): grpc.ClientUnaryCall;
  detokenize(argument: _sluice_v1_DetokenizeRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_DetokenizeReply>): grpc.ClientUnaryCall;
  detokenize(argument: _sluice_v1_DetokenizeRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DetokenizeReply>): grpc.ClientUnaryCall;
  detokenize(argument: _sluice_v1_DetokenizeRequestInit, callback: grpc.requestCallback<_sluice_v1_DetokenizeReply>): grpc.ClientUnaryCall;
  
  /**
   * Takes no new requests from now on; answers when the running ones have ended, or at the deadline of the call.
   */
  Drain(argument: _sluice_v1_DrainRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DrainReply>): grpc.ClientUnaryCall;
  Drain(argument: _sluice_v1_DrainRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_DrainReply>): grpc.ClientUnaryCall;
  Drain(argument: _sluice_v1_DrainRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DrainReply>): grpc.ClientUnaryCall;
  Drain(argument: _sluice_v1_DrainRequestInit, callback: grpc.requestCallback<_sluice_v1_DrainReply>): grpc.ClientUnaryCall;
  /**
   * Takes no new requests from now on; answers when the running ones have ended, or at the deadline of the call.
   */
  drain(argument: _sluice_v1_DrainRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DrainReply>): grpc.ClientUnaryCall;
  drain(argument: _sluice_v1_DrainRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_DrainReply>): grpc.ClientUnaryCall;
  drain(argument: _sluice_v1_DrainRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DrainReply>): grpc.ClientUnaryCall;
  drain(argument: _sluice_v1_DrainRequestInit, callback: grpc.requestCallback<_sluice_v1_DrainReply>): grpc.ClientUnaryCall;
  
  /**
   * One request, for clients that want no multiplexing. Cancelling the call cancels the request. A failure ends the call
   * with a status instead of a Failed event; code and field are in the trailing metadata sluice-error-code and
   * sluice-error-field.
   */
  Generate(argument: _sluice_v1_GenerateRequestInit, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_GenerateEvent>;
  Generate(argument: _sluice_v1_GenerateRequestInit, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_GenerateEvent>;
  /**
   * One request, for clients that want no multiplexing. Cancelling the call cancels the request. A failure ends the call
   * with a status instead of a Failed event; code and field are in the trailing metadata sluice-error-code and
   * sluice-error-field.
   */
  generate(argument: _sluice_v1_GenerateRequestInit, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_GenerateEvent>;
  generate(argument: _sluice_v1_GenerateRequestInit, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_GenerateEvent>;
  
  GetLoad(argument: _sluice_v1_GetLoadRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_Load>): grpc.ClientUnaryCall;
  GetLoad(argument: _sluice_v1_GetLoadRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_Load>): grpc.ClientUnaryCall;
  GetLoad(argument: _sluice_v1_GetLoadRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_Load>): grpc.ClientUnaryCall;
  GetLoad(argument: _sluice_v1_GetLoadRequestInit, callback: grpc.requestCallback<_sluice_v1_Load>): grpc.ClientUnaryCall;
  getLoad(argument: _sluice_v1_GetLoadRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_Load>): grpc.ClientUnaryCall;
  getLoad(argument: _sluice_v1_GetLoadRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_Load>): grpc.ClientUnaryCall;
  getLoad(argument: _sluice_v1_GetLoadRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_Load>): grpc.ClientUnaryCall;
  getLoad(argument: _sluice_v1_GetLoadRequestInit, callback: grpc.requestCallback<_sluice_v1_Load>): grpc.ClientUnaryCall;
  
  GetModelInfo(argument: _sluice_v1_GetModelInfoRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ModelInfo>): grpc.ClientUnaryCall;
  GetModelInfo(argument: _sluice_v1_GetModelInfoRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ModelInfo>): grpc.ClientUnaryCall;
  GetModelInfo(argument: _sluice_v1_GetModelInfoRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ModelInfo>): grpc.ClientUnaryCall;
  GetModelInfo(argument: _sluice_v1_GetModelInfoRequestInit, callback: grpc.requestCallback<_sluice_v1_ModelInfo>): grpc.ClientUnaryCall;
  getModelInfo(argument: _sluice_v1_GetModelInfoRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ModelInfo>): grpc.ClientUnaryCall;
  getModelInfo(argument: _sluice_v1_GetModelInfoRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ModelInfo>): grpc.ClientUnaryCall;
  getModelInfo(argument: _sluice_v1_GetModelInfoRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ModelInfo>): grpc.ClientUnaryCall;
  getModelInfo(argument: _sluice_v1_GetModelInfoRequestInit, callback: grpc.requestCallback<_sluice_v1_ModelInfo>): grpc.ClientUnaryCall;
  
  Tokenize(argument: _sluice_v1_TokenizeRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_TokenizeReply>): grpc.ClientUnaryCall;
  Tokenize(argument: _sluice_v1_TokenizeRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_TokenizeReply>): grpc.ClientUnaryCall;
  Tokenize(argument: _sluice_v1_TokenizeRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_TokenizeReply>): grpc.ClientUnaryCall;
  Tokenize(argument: _sluice_v1_TokenizeRequestInit, callback: grpc.requestCallback<_sluice_v1_TokenizeReply>): grpc.ClientUnaryCall;
  tokenize(argument: _sluice_v1_TokenizeRequestInit, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_TokenizeReply>): grpc.ClientUnaryCall;
  tokenize(argument: _sluice_v1_TokenizeRequestInit, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_TokenizeReply>): grpc.ClientUnaryCall;
  tokenize(argument: _sluice_v1_TokenizeRequestInit, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_TokenizeReply>): grpc.ClientUnaryCall;
  tokenize(argument: _sluice_v1_TokenizeRequestInit, callback: grpc.requestCallback<_sluice_v1_TokenizeReply>): grpc.ClientUnaryCall;
  
}

export interface WorkerHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One long-lived stream per gateway. After each forward pass the worker sends one StepFrame that carries every new
   * token of that gateway's requests, so that the cost of the wire is per step and not per token and request.
   * The first message each way is Attach and Welcome. When the stream ends, the worker cancels what came over it.
   */
  Attach: grpc.handleBidiStreamingCall<_sluice_v1_GatewayMessage, _sluice_v1_WorkerMessageInit>;
  
  Detokenize: grpc.handleUnaryCall<_sluice_v1_DetokenizeRequest, _sluice_v1_DetokenizeReplyInit>;
  
  /**
   * Takes no new requests from now on; answers when the running ones have ended, or at the deadline of the call.
   */
  Drain: grpc.handleUnaryCall<_sluice_v1_DrainRequest, _sluice_v1_DrainReplyInit>;
  
  /**
   * One request, for clients that want no multiplexing. Cancelling the call cancels the request. A failure ends the call
   * with a status instead of a Failed event; code and field are in the trailing metadata sluice-error-code and
   * sluice-error-field.
   */
  Generate: grpc.handleServerStreamingCall<_sluice_v1_GenerateRequest, _sluice_v1_GenerateEventInit>;
  
  GetLoad: grpc.handleUnaryCall<_sluice_v1_GetLoadRequest, _sluice_v1_LoadInit>;
  
  GetModelInfo: grpc.handleUnaryCall<_sluice_v1_GetModelInfoRequest, _sluice_v1_ModelInfoInit>;
  
  Tokenize: grpc.handleUnaryCall<_sluice_v1_TokenizeRequest, _sluice_v1_TokenizeReplyInit>;
  
}

export interface WorkerDefinition extends grpc.ServiceDefinition {
  Attach: MethodDefinition<_sluice_v1_GatewayMessageInit, _sluice_v1_WorkerMessageInit, _sluice_v1_GatewayMessage, _sluice_v1_WorkerMessage>
  Detokenize: MethodDefinition<_sluice_v1_DetokenizeRequestInit, _sluice_v1_DetokenizeReplyInit, _sluice_v1_DetokenizeRequest, _sluice_v1_DetokenizeReply>
  Drain: MethodDefinition<_sluice_v1_DrainRequestInit, _sluice_v1_DrainReplyInit, _sluice_v1_DrainRequest, _sluice_v1_DrainReply>
  Generate: MethodDefinition<_sluice_v1_GenerateRequestInit, _sluice_v1_GenerateEventInit, _sluice_v1_GenerateRequest, _sluice_v1_GenerateEvent>
  GetLoad: MethodDefinition<_sluice_v1_GetLoadRequestInit, _sluice_v1_LoadInit, _sluice_v1_GetLoadRequest, _sluice_v1_Load>
  GetModelInfo: MethodDefinition<_sluice_v1_GetModelInfoRequestInit, _sluice_v1_ModelInfoInit, _sluice_v1_GetModelInfoRequest, _sluice_v1_ModelInfo>
  Tokenize: MethodDefinition<_sluice_v1_TokenizeRequestInit, _sluice_v1_TokenizeReplyInit, _sluice_v1_TokenizeRequest, _sluice_v1_TokenizeReply>
}
