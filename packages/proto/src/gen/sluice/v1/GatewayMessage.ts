// Original file: proto/sluice/v1/worker.proto

import type { AttachInit as _sluice_v1_AttachInit, Attach as _sluice_v1_Attach } from '../../sluice/v1/Attach.js';
import type { SubmitInit as _sluice_v1_SubmitInit, Submit as _sluice_v1_Submit } from '../../sluice/v1/Submit.js';
import type { CancelInit as _sluice_v1_CancelInit, Cancel as _sluice_v1_Cancel } from '../../sluice/v1/Cancel.js';
import type { AcknowledgeInit as _sluice_v1_AcknowledgeInit, Acknowledge as _sluice_v1_Acknowledge } from '../../sluice/v1/Acknowledge.js';

export interface GatewayMessageInit {
  'attach'?: (_sluice_v1_AttachInit | null);
  'submit'?: (_sluice_v1_SubmitInit | null);
  'cancel'?: (_sluice_v1_CancelInit | null);
  'acknowledge'?: (_sluice_v1_AcknowledgeInit | null);
  'message'?: "attach"|"submit"|"cancel"|"acknowledge";
}

export interface GatewayMessage {
  'attach'?: (_sluice_v1_Attach | null);
  'submit'?: (_sluice_v1_Submit | null);
  'cancel'?: (_sluice_v1_Cancel | null);
  'acknowledge'?: (_sluice_v1_Acknowledge | null);
  'message'?: "attach"|"submit"|"cancel"|"acknowledge";
}
