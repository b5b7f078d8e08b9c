import type { PolicyName } from '@sluice/worker';
import type { CapacitySettings, ObjectiveName, TraceName } from './capacity-settings.js';

/** One search of a run. */
export type CapacityCase = { readonly trace: TraceName; readonly objective: ObjectiveName } & (
  | { readonly kind: 'policy'; readonly policy: PolicyName }
  /** slo's first tokens at the capacity of hybrid-only. */
  | { readonly kind: 'first-tokens' }
  | { readonly kind: 'sluice-http' }
  /** Undefined: the size of pass that was best under the objective before. */
  | { readonly kind: 'llama-server'; readonly batchTokens: number | undefined }
);

/** Of the policies, those that mixed objectives are for when it has to be quick. */
const QUICK_MIXED: readonly PolicyName[] = ['slo', 'sarathi'];

/**
 * The searches in their order. A quick run leaves out what no aim speaks of: mixed objectives but for slo and sarathi,
 * hybrid-only, and ours over HTTP but under the first objective; and llama-server gets all its sizes of pass under the
 * first objective only, and none with mixed ones. What is most wanted comes first, because time may be up.
 */
export function capacityPlan(settings: CapacitySettings): readonly CapacityCase[] {
  const { objectives, policies, traces, quick } = settings;
  return traces.flatMap((trace) =>
    objectives.flatMap((objective) => {
      const isFirst = objective === objectives[0];
      const wanted = policies.filter((policy) => {
        if (!quick || isFirst) return true;
        return objective === 'mixed' ? QUICK_MIXED.includes(policy) : policy !== 'hybrid-only';
      });
      return [
        ...wanted.map((policy): CapacityCase => ({ kind: 'policy', trace, objective, policy })),
        ...(wanted.includes('slo') && wanted.includes('hybrid-only')
          ? [{ kind: 'first-tokens', trace, objective } as const]
          : []),
        ...peersOf(settings, trace, objective, isFirst),
      ];
    }),
  );
}

function peersOf(
  { peers, peerBatchTokens, quick }: CapacitySettings,
  trace: TraceName,
  objective: ObjectiveName,
  isFirst: boolean,
): readonly CapacityCase[] {
  const http: readonly CapacityCase[] =
    peers.includes('sluice-http') && (!quick || isFirst) ? [{ kind: 'sluice-http', trace, objective }] : [];
  if (!peers.includes('llama-server') || (quick && objective === 'mixed')) return http;
  const sizes = quick && !isFirst ? [undefined] : peerBatchTokens;
  return [
    ...http,
    ...sizes.map((batchTokens): CapacityCase => ({ kind: 'llama-server', trace, objective, batchTokens })),
  ];
}
