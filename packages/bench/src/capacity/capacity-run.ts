import { unreachable } from '@sluice/shared';
import type { ModelPort, PolicyName, StepWork } from '@sluice/worker';
import type { Progress } from '../io/progress.js';
import type { LlamaCpp } from '../peers/llama-cpp-build.js';
import { type CapacityCase, capacityPlan } from './capacity-plan.js';
import { type CapacitySettings, CONTEXT_TOKENS } from './capacity-settings.js';
import { type CapacityTrialsResult, llamaServersOf } from './capacity-table.js';
import { type FirstTokensResult, measureFirstTokens } from './first-tokens.js';
import { type HttpSubject, llamaHttp, type ServerOptions, sluiceHttp } from './http-door.js';
import { searchHttp } from './http-search.js';
import { createLoad } from './load.js';
import { type LongPromptResult, measureLongPrompt, measureLongPromptOverHttp } from './long-prompt.js';
import type { MeasuredMachine } from './measured-machine.js';
import { PolicySearch } from './policy-search.js';

export interface RunParts {
  readonly model: ModelPort;
  readonly machine: MeasuredMachine['machine'];
  readonly predictMs: (work: StepWork) => number;
  readonly noiseRatios: readonly number[];
  readonly settings: CapacitySettings;
  readonly server: ServerOptions;
  /** Undefined: llama-server is not asked for. */
  readonly llamaCpp: LlamaCpp | undefined;
  readonly progress: Progress;
}

export interface CapacityFound {
  readonly capacities: readonly CapacityTrialsResult[];
  readonly firstTokens: readonly FirstTokensResult[];
  readonly longPrompts: readonly LongPromptResult[];
  /** What there are no figures of, and why. */
  readonly unmeasured: readonly { readonly subject: string; readonly reason: string }[];
}

/** A subject that has not kept the limits yet may take so much more of a search's time, off the next one's. */
const GRACE_RATIO = 0.5;
/** What a long prompt takes with all around it; kept back in a quick run. */
const LONG_PROMPT_MS = 12_000;
/** Those of a quick run whose long prompt is plotted; a full run has all. */
const QUICK_LONG_PROMPTS: readonly PolicyName[] = ['slo', 'sarathi', 'prefill-first'];
/** Where the search of a server begins that nothing is known of, as a share of what prompts alone would allow ours. */
const FIRST_SHARE = 0.4;

/** Of slo's capacity: where ours begins over HTTP, with a client and a gateway on the same cores. */
const HTTP_SHARE = 0.85;

/** All searches and long prompts of a run, one after the other: whoever is measured has the machine alone. */
export class CapacityRun {
  readonly #parts: RunParts;
  readonly #capacities: CapacityTrialsResult[] = [];
  readonly #firstTokens: FirstTokensResult[] = [];
  readonly #longPrompts: LongPromptResult[] = [];
  readonly #unmeasured: { readonly subject: string; readonly reason: string }[] = [];

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  /** @param quickEndMs when searches of a quick run have to be over, by `performance.now`. */
  async run(quickEndMs: number): Promise<CapacityFound> {
    const { settings } = this.#parts;
    const plan = capacityPlan(settings);
    const searchesEndMs =
      quickEndMs - this.#longPromptPolicies().length * LONG_PROMPT_MS - settings.peers.length * LONG_PROMPT_MS;
    let endMs = performance.now();
    for (const [index, one] of plan.entries()) {
      const nowMs = performance.now();
      const shareMs = (searchesEndMs - nowMs) / (plan.length - index);
      if (settings.searchSeconds !== undefined) endMs += settings.searchSeconds * 1000;
      else if (shareMs > 0) endMs = nowMs + shareMs;
      else {
        this.#unmeasured.push({ subject: nameOf(one), reason: 'the time of a quick run was up' });
        continue;
      }
      await this.#attempt(nameOf(one), () => this.#search(one, endMs, GRACE_RATIO * Math.max(0, endMs - nowMs)));
    }
    await this.#runLongPrompts();
    return {
      capacities: this.#capacities,
      firstTokens: this.#firstTokens,
      longPrompts: this.#longPrompts,
      unmeasured: this.#unmeasured,
    };
  }

  async #search(one: CapacityCase, endMs: number, graceMs: number): Promise<void> {
    const { model, machine, predictMs, noiseRatios, settings, progress } = this.#parts;
    const load = createLoad(machine, settings, one.trace, one.objective);
    const onTrial = (rate: number, trial: number): void =>
      progress.stage(`  trial ${trial} at ${rate.toFixed(2)} requests/s`);
    if (one.kind === 'first-tokens') {
      const { atCapacity } = this.#of('hybrid-only', one) ?? {};
      if (!atCapacity) throw new Error('hybrid-only kept the limits at no rate that was tried');
      const ofSlo = { model, machine, predictMs, noiseRatios, settings, load, policy: 'slo' } as const;
      this.#firstTokens.push(await measureFirstTokens(ofSlo, atCapacity));
      return;
    }
    if (one.kind === 'policy') {
      const search = new PolicySearch({ model, machine, predictMs, noiseRatios, settings, load, policy: one.policy });
      this.#capacities.push(await search.run(endMs, graceMs, onTrial));
      return;
    }
    const isOurs = one.kind === 'sluice-http';
    const subject = isOurs ? this.#sluiceHttp() : this.#llamaHttp(one.batchTokens);
    // Ours over HTTP begins a little below slo's end; of llama-server's settings every one where the best of them did.
    const known = this.#known(one);
    const isRival = settings.quick && one.kind === 'llama-server' && one.batchTokens !== undefined;
    const result = await searchHttp(
      { subject, machine, settings, load },
      {
        startPerSecond: (isOurs ? HTTP_SHARE : 1) * known || FIRST_SHARE * load.promptsPerSecond,
        toBeatPerSecond: isRival && known > 0 ? known : undefined,
        endMs,
        graceMs,
        onTrial,
      },
    );
    this.#capacities.push(result);
  }

  #of(name: string, { trace, objective }: CapacityCase): CapacityTrialsResult | undefined {
    return this.#capacities.find((one) => one.subject === name && one.trace === trace && one.objective === objective);
  }

  /** The capacity that a server's search begins with: of the same objective, or else of the one before; 0 without. */
  #known(one: CapacityCase): number {
    const rivals = this.#capacities.filter(({ subject, trace, objective }) => {
      const isKin = one.kind === 'sluice-http' ? subject === 'slo' : subject.startsWith('llama-server');
      return isKin && trace === one.trace && objective === one.objective;
    });
    const before = one.kind === 'llama-server' && rivals.length === 0 ? this.#llamaServers() : [];
    return Math.max(0, ...[...rivals, ...before].map((other) => other.capacityPerSecond));
  }

  async #runLongPrompts(): Promise<void> {
    const { model, machine, settings } = this.#parts;
    const { strictMs } = machine.objectives;
    for (const policy of this.#longPromptPolicies()) {
      const best = this.#capacities.find((one) => one.subject === policy && one.objective === 'strict');
      const tokenBudget = best?.tokenBudget ?? machine.tokenBudget.strict;
      await this.#attempt(`${policy}: a long prompt among streams`, async () => {
        this.#longPrompts.push(await measureLongPrompt(model, { policy, tokenBudget, tbtMs: strictMs }));
      });
    }
    for (const peer of settings.peers) {
      const subject = peer === 'sluice-http' ? this.#sluiceHttp() : this.#llamaHttp(undefined);
      await this.#attempt(`${subject.subject.name}: a long prompt among streams`, async () => {
        this.#longPrompts.push(await measureLongPromptOverHttp(subject, strictMs, CONTEXT_TOKENS));
      });
    }
  }

  #longPromptPolicies(): readonly PolicyName[] {
    const { policies, quick } = this.#parts.settings;
    return quick ? policies.filter((policy) => QUICK_LONG_PROMPTS.includes(policy)) : policies;
  }

  /** What cannot be measured is a line that says why, and the others go on. */
  async #attempt(subject: string, measure: () => Promise<void>): Promise<void> {
    this.#parts.progress.stage(subject);
    try {
      await measure();
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      this.#parts.progress.stage(`${subject}: ${reason}`);
      this.#unmeasured.push({ subject, reason });
    }
  }

  #sluiceHttp(): HttpSubject {
    return sluiceHttp(this.#parts.server);
  }

  /** @param batchTokens undefined: of the setting that was best so far. */
  #llamaHttp(batchTokens: number | undefined): HttpSubject {
    const { llamaCpp, server, settings } = this.#parts;
    if (llamaCpp === undefined) throw new Error('llama-server was not built');
    const best = this.#llamaServers()[0]?.subject.match(/b(\d+)$/)?.[1];
    const usual = settings.peerBatchTokens[0] ?? 512;
    return llamaHttp(server, llamaCpp, batchTokens ?? (best === undefined ? usual : Number(best)));
  }

  /** Under the first objective and for the first trace, the best first. */
  #llamaServers(): readonly CapacityTrialsResult[] {
    const { traces, objectives } = this.#parts.settings;
    return llamaServersOf(this.#capacities, { trace: traces[0]!, objective: objectives[0]! });
  }
}

function nameOf(one: CapacityCase): string {
  const where = `${one.trace} trace, ${one.objective} objective`;
  switch (one.kind) {
    case 'policy':
      return `${one.policy}, ${where}`;
    case 'first-tokens':
      return `first tokens of slo at the capacity of hybrid-only, ${where}`;
    case 'sluice-http':
      return `sluice (http), ${where}`;
    case 'llama-server':
      return `llama-server${one.batchTokens === undefined ? '' : ` b${one.batchTokens}`}, ${where}`;
    default:
      return unreachable(one);
  }
}
