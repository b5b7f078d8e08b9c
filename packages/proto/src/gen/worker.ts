import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AcceptedInit as _sluice_v1_AcceptedInit, Accepted as _sluice_v1_Accepted } from './sluice/v1/Accepted.js';
import type { AcknowledgeInit as _sluice_v1_AcknowledgeInit, Acknowledge as _sluice_v1_Acknowledge } from './sluice/v1/Acknowledge.js';
import type { AttachInit as _sluice_v1_AttachInit, Attach as _sluice_v1_Attach } from './sluice/v1/Attach.js';
import type { CancelInit as _sluice_v1_CancelInit, Cancel as _sluice_v1_Cancel } from './sluice/v1/Cancel.js';
import type { ChoiceInit as _sluice_v1_ChoiceInit, Choice as _sluice_v1_Choice } from './sluice/v1/Choice.js';
import type { ConstraintInit as _sluice_v1_ConstraintInit, Constraint as _sluice_v1_Constraint } from './sluice/v1/Constraint.js';
import type { DeltaInit as _sluice_v1_DeltaInit, Delta as _sluice_v1_Delta } from './sluice/v1/Delta.js';
import type { DetokenizeReplyInit as _sluice_v1_DetokenizeReplyInit, DetokenizeReply as _sluice_v1_DetokenizeReply } from './sluice/v1/DetokenizeReply.js';
import type { DetokenizeRequestInit as _sluice_v1_DetokenizeRequestInit, DetokenizeRequest as _sluice_v1_DetokenizeRequest } from './sluice/v1/DetokenizeRequest.js';
import type { DrainReplyInit as _sluice_v1_DrainReplyInit, DrainReply as _sluice_v1_DrainReply } from './sluice/v1/DrainReply.js';
import type { DrainRequestInit as _sluice_v1_DrainRequestInit, DrainRequest as _sluice_v1_DrainRequest } from './sluice/v1/DrainRequest.js';
import type { FailedInit as _sluice_v1_FailedInit, Failed as _sluice_v1_Failed } from './sluice/v1/Failed.js';
import type { FillInInit as _sluice_v1_FillInInit, FillIn as _sluice_v1_FillIn } from './sluice/v1/FillIn.js';
import type { FinishedInit as _sluice_v1_FinishedInit, Finished as _sluice_v1_Finished } from './sluice/v1/Finished.js';
import type { GatewayMessageInit as _sluice_v1_GatewayMessageInit, GatewayMessage as _sluice_v1_GatewayMessage } from './sluice/v1/GatewayMessage.js';
import type { GenerateEventInit as _sluice_v1_GenerateEventInit, GenerateEvent as _sluice_v1_GenerateEvent } from './sluice/v1/GenerateEvent.js';
import type { GenerateRequestInit as _sluice_v1_GenerateRequestInit, GenerateRequest as _sluice_v1_GenerateRequest } from './sluice/v1/GenerateRequest.js';
import type { GetLoadRequestInit as _sluice_v1_GetLoadRequestInit, GetLoadRequest as _sluice_v1_GetLoadRequest } from './sluice/v1/GetLoadRequest.js';
import type { GetModelInfoRequestInit as _sluice_v1_GetModelInfoRequestInit, GetModelInfoRequest as _sluice_v1_GetModelInfoRequest } from './sluice/v1/GetModelInfoRequest.js';
import type { LoadInit as _sluice_v1_LoadInit, Load as _sluice_v1_Load } from './sluice/v1/Load.js';
import type { LogitBiasInit as _sluice_v1_LogitBiasInit, LogitBias as _sluice_v1_LogitBias } from './sluice/v1/LogitBias.js';
import type { ModelInfoInit as _sluice_v1_ModelInfoInit, ModelInfo as _sluice_v1_ModelInfo } from './sluice/v1/ModelInfo.js';
import type { PromptReportInit as _sluice_v1_PromptReportInit, PromptReport as _sluice_v1_PromptReport } from './sluice/v1/PromptReport.js';
import type { SamplingInit as _sluice_v1_SamplingInit, Sampling as _sluice_v1_Sampling } from './sluice/v1/Sampling.js';
import type { ServiceTermsInit as _sluice_v1_ServiceTermsInit, ServiceTerms as _sluice_v1_ServiceTerms } from './sluice/v1/ServiceTerms.js';
import type { StepFrameInit as _sluice_v1_StepFrameInit, StepFrame as _sluice_v1_StepFrame } from './sluice/v1/StepFrame.js';
import type { SubmitInit as _sluice_v1_SubmitInit, Submit as _sluice_v1_Submit } from './sluice/v1/Submit.js';
import type { TokenIdsInit as _sluice_v1_TokenIdsInit, TokenIds as _sluice_v1_TokenIds } from './sluice/v1/TokenIds.js';
import type { TokenLogprobInit as _sluice_v1_TokenLogprobInit, TokenLogprob as _sluice_v1_TokenLogprob } from './sluice/v1/TokenLogprob.js';
import type { TokenizeReplyInit as _sluice_v1_TokenizeReplyInit, TokenizeReply as _sluice_v1_TokenizeReply } from './sluice/v1/TokenizeReply.js';
import type { TokenizeRequestInit as _sluice_v1_TokenizeRequestInit, TokenizeRequest as _sluice_v1_TokenizeRequest } from './sluice/v1/TokenizeRequest.js';
import type { WelcomeInit as _sluice_v1_WelcomeInit, Welcome as _sluice_v1_Welcome } from './sluice/v1/Welcome.js';
import type { WorkerClient as _sluice_v1_WorkerClient, WorkerDefinition as _sluice_v1_WorkerDefinition } from './sluice/v1/Worker.js';
import type { WorkerMessageInit as _sluice_v1_WorkerMessageInit, WorkerMessage as _sluice_v1_WorkerMessage } from './sluice/v1/WorkerMessage.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  sluice: {
    v1: {
      Accepted: MessageTypeDefinition<_sluice_v1_AcceptedInit, _sluice_v1_Accepted>
      Acknowledge: MessageTypeDefinition<_sluice_v1_AcknowledgeInit, _sluice_v1_Acknowledge>
      Attach: MessageTypeDefinition<_sluice_v1_AttachInit, _sluice_v1_Attach>
      Cancel: MessageTypeDefinition<_sluice_v1_CancelInit, _sluice_v1_Cancel>
      Choice: MessageTypeDefinition<_sluice_v1_ChoiceInit, _sluice_v1_Choice>
      Constraint: MessageTypeDefinition<_sluice_v1_ConstraintInit, _sluice_v1_Constraint>
      Delta: MessageTypeDefinition<_sluice_v1_DeltaInit, _sluice_v1_Delta>
      DetokenizeReply: MessageTypeDefinition<_sluice_v1_DetokenizeReplyInit, _sluice_v1_DetokenizeReply>
      DetokenizeRequest: MessageTypeDefinition<_sluice_v1_DetokenizeRequestInit, _sluice_v1_DetokenizeRequest>
      DrainReply: MessageTypeDefinition<_sluice_v1_DrainReplyInit, _sluice_v1_DrainReply>
      DrainRequest: MessageTypeDefinition<_sluice_v1_DrainRequestInit, _sluice_v1_DrainRequest>
      Failed: MessageTypeDefinition<_sluice_v1_FailedInit, _sluice_v1_Failed>
      FillIn: MessageTypeDefinition<_sluice_v1_FillInInit, _sluice_v1_FillIn>
      FinishReason: EnumTypeDefinition
      Finished: MessageTypeDefinition<_sluice_v1_FinishedInit, _sluice_v1_Finished>
      GatewayMessage: MessageTypeDefinition<_sluice_v1_GatewayMessageInit, _sluice_v1_GatewayMessage>
      GenerateEvent: MessageTypeDefinition<_sluice_v1_GenerateEventInit, _sluice_v1_GenerateEvent>
      GenerateRequest: MessageTypeDefinition<_sluice_v1_GenerateRequestInit, _sluice_v1_GenerateRequest>
      GetLoadRequest: MessageTypeDefinition<_sluice_v1_GetLoadRequestInit, _sluice_v1_GetLoadRequest>
      GetModelInfoRequest: MessageTypeDefinition<_sluice_v1_GetModelInfoRequestInit, _sluice_v1_GetModelInfoRequest>
      Load: MessageTypeDefinition<_sluice_v1_LoadInit, _sluice_v1_Load>
      LogitBias: MessageTypeDefinition<_sluice_v1_LogitBiasInit, _sluice_v1_LogitBias>
      ModelInfo: MessageTypeDefinition<_sluice_v1_ModelInfoInit, _sluice_v1_ModelInfo>
      ObjectiveOutcome: EnumTypeDefinition
      Pooling: EnumTypeDefinition
      Priority: EnumTypeDefinition
      PromptReport: MessageTypeDefinition<_sluice_v1_PromptReportInit, _sluice_v1_PromptReport>
      Sampling: MessageTypeDefinition<_sluice_v1_SamplingInit, _sluice_v1_Sampling>
      ServiceTerms: MessageTypeDefinition<_sluice_v1_ServiceTermsInit, _sluice_v1_ServiceTerms>
      StepFrame: MessageTypeDefinition<_sluice_v1_StepFrameInit, _sluice_v1_StepFrame>
      Submit: MessageTypeDefinition<_sluice_v1_SubmitInit, _sluice_v1_Submit>
      TokenIds: MessageTypeDefinition<_sluice_v1_TokenIdsInit, _sluice_v1_TokenIds>
      TokenLogprob: MessageTypeDefinition<_sluice_v1_TokenLogprobInit, _sluice_v1_TokenLogprob>
      TokenizeReply: MessageTypeDefinition<_sluice_v1_TokenizeReplyInit, _sluice_v1_TokenizeReply>
      TokenizeRequest: MessageTypeDefinition<_sluice_v1_TokenizeRequestInit, _sluice_v1_TokenizeRequest>
      Welcome: MessageTypeDefinition<_sluice_v1_WelcomeInit, _sluice_v1_Welcome>
      Worker: SubtypeConstructor<typeof grpc.Client, _sluice_v1_WorkerClient> & { service: _sluice_v1_WorkerDefinition }
      WorkerMessage: MessageTypeDefinition<_sluice_v1_WorkerMessageInit, _sluice_v1_WorkerMessage>
      WorkerState: EnumTypeDefinition
    }
  }
}

