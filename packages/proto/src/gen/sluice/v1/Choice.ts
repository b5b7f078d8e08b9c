// Original file: proto/sluice/v1/worker.proto


export interface ChoiceInit {
  'texts'?: (string)[];
}

export interface Choice {
  'texts': (string)[];
}
