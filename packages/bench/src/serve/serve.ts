import { cacheFolder } from '@sluice/shared';
import type { BenchContext, Benchmark } from '../benchmark.js';
import { modelFile } from '../io/model-file.js';
import type { Progress } from '../io/progress.js';
import { summarize } from '../load/load-summary.js';
import { f16Model } from '../peers/f16-model.js';
import { buildLlamaCpp } from '../peers/llama-cpp-build.js';
import { bf16Model, installVllm } from '../peers/vllm.js';
import { FreedMemory } from './freed-memory.js';
import { llamaServer } from './llama-server.js';
import { type LoadPlan, type Measurement, measure, ReadySubject } from './measure.js';
import { ownWhole, type ServeCell, serveResults, serveTable } from './serve-results.js';
import { readServeSettings, requestsFor, type ServeSettings, serveFlags } from './serve-settings.js';
import { sluiceServer } from './sluice-server.js';
import type { Subject } from './subject.js';
import { vllmServer } from './vllm-server.js';

/**
 * Random prompts through the HTTP door at several concurrencies, ours beside llama-server and vLLM on the same threads and
 * the same model. One server runs at a time, and none before the host of a virtual machine has the memory of the one before
 * it; at each concurrency ours is measured before and after the peers, so that a machine that gets slower or faster
 * meanwhile does not decide the ratio. Or all run at once and are measured in turns, which says most about a machine whose
 * speed changes by the minute.
 */
export const serveBenchmark: Benchmark = {
  summary: 'tokens per second, first-token time and gaps over HTTP, beside llama-server and vLLM on the same threads',
  flags: serveFlags,
  run: async (values, context) => {
    const settings = readServeSettings(values, context.quick);
    const subjects = await findSubjects(settings, context);
    const cells: ServeCell[] = [];
    const freed = new FreedMemory();
    for (const concurrency of settings.concurrencies) {
      cells.push(...(await measureConcurrency(concurrency, subjects, settings, context.progress, freed)));
    }
    const results = serveResults(cells);
    return { settings, results, table: serveTable(results), valid: ownWhole(results) };
  },
};

interface Subjects {
  readonly own: Subject | undefined;
  readonly peers: readonly Subject[];
}

async function findSubjects(settings: ServeSettings, { progress }: BenchContext): Promise<Subjects> {
  const { url } = settings;
  const running: Subject | undefined =
    url === undefined ? undefined : { name: url, own: true, where: { kind: 'running', url } };
  const { subjects } = settings;
  if (running && subjects.length === 1 && subjects.includes('sluice')) return { own: running, peers: [] };
  const file = await modelFile(settings.model, progress);
  const peers = [
    ...(subjects.includes('llama-server') ? await findLlamaServers(file, settings, progress) : []),
    ...(subjects.includes('vllm') ? [await findVllm(file, settings, progress)] : []),
  ];
  return { own: subjects.includes('sluice') ? (running ?? ownSubject(file, settings)) : undefined, peers };
}

function ownSubject(file: string, settings: ServeSettings): Subject {
  return sluiceServer({
    model: file,
    threads: settings.threads,
    slots: Math.max(...settings.concurrencies),
    requestTokens: settings.promptTokens + settings.outputTokens,
    flags: settings.upFlags,
  });
}

/** llama-server with the model as it is and in f16, each with every size of pass that is to be tried. */
async function findLlamaServers(file: string, settings: ServeSettings, progress: Progress): Promise<Subject[]> {
  const llamaCpp = await buildLlamaCpp(cacheFolder(), progress);
  const f16File = await f16Model(file, llamaCpp, cacheFolder(), progress);
  const requestTokens = settings.promptTokens + settings.outputTokens;
  return [
    { weights: 'same', modelFile: file },
    { weights: 'f16', modelFile: f16File },
  ].flatMap((weightsFile) =>
    settings.peerBatchTokens.map((batchTokens) =>
      llamaServer({ ...weightsFile, llamaCpp, batchTokens, threads: settings.threads, requestTokens }),
    ),
  );
}

async function findVllm(file: string, settings: ServeSettings, progress: Progress): Promise<Subject> {
  const vllm = await installVllm(progress);
  const modelFolder = await bf16Model(file, vllm, cacheFolder(), progress);
  const requestTokens = settings.promptTokens + settings.outputTokens;
  return vllmServer({ vllm, modelFolder, threads: settings.threads, requestTokens });
}

/** A row for each subject. A peer that cannot be measured is a row that says why. */
async function measureConcurrency(
  concurrency: number,
  { own, peers }: Subjects,
  settings: ServeSettings,
  progress: Progress,
  freed: FreedMemory,
): Promise<ServeCell[]> {
  const { promptTokens, outputTokens, seed } = settings;
  const plan: LoadPlan = {
    concurrency,
    requests: requestsFor(settings, concurrency),
    promptTokens,
    outputTokens,
    seed,
  };
  if (settings.rounds !== undefined) {
    await freed.gone();
    return measureInTurns(own === undefined ? peers : [own, ...peers], plan, settings.rounds, progress, freed);
  }
  const attempts = new Map<Subject, Attempt[]>();
  for (const subject of measuringOrder(own, peers, settings.ownPasses)) {
    await freed.gone();
    const attempt = await measureOnce(subject, plan, progress);
    freed.add(heldMb(attempt));
    attempts.set(subject, [...(attempts.get(subject) ?? []), attempt]);
  }
  return [...attempts].map(([subject, ofSubject]) => cell(subject, plan, ofSubject));
}

/** All at once, one asked at a time: forwards in one round and backwards in the next. */
async function measureInTurns(
  subjects: readonly Subject[],
  plan: LoadPlan,
  rounds: number,
  progress: Progress,
  freed: FreedMemory,
): Promise<ServeCell[]> {
  const attempts = new Map<Subject, Attempt[]>(subjects.map((subject) => [subject, []]));
  const ready: ReadySubject[] = [];
  const at = `${plan.concurrency} at once`;
  try {
    for (const subject of subjects) {
      progress.stage(`${subject.name}, ${at}: starts`);
      try {
        ready.push(await ReadySubject.start(subject, plan));
      } catch (thrown) {
        attempts.get(subject)!.push(unmeasuredFor(thrown, `${subject.name}, ${at}`, progress));
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const one of round % 2 === 0 ? ready : ready.toReversed()) {
        const measurement = await one.drive(round, (done) => progress.detail(`${done}/${plan.requests}`));
        attempts.get(one.subject)!.push(measurement);
        progress.stage(`${one.subject.name}, ${at}, round ${round + 1} of ${rounds}: ${outcomeOf(measurement, plan)}`);
      }
    }
  } finally {
    await Promise.all(ready.map((one) => one.stop()));
    freed.add([...attempts.values()].reduce((sum, ofSubject) => sum + heldMb(ofSubject.at(-1)), 0));
  }
  return [...attempts].map(([subject, ofSubject]) => cell(subject, plan, ofSubject));
}

/** Ours, the peers, ours again. */
function measuringOrder(own: Subject | undefined, peers: readonly Subject[], ownPasses: 1 | 2): Subject[] {
  if (own === undefined) return [...peers];
  return ownPasses === 2 && peers.length > 0 ? [own, ...peers, own] : [own, ...peers];
}

type Attempt = Measurement | { readonly unmeasured: string };

/** Megabytes that a subject held in the end, as far as is known. */
function heldMb(attempt: Attempt | undefined): number {
  return attempt !== undefined && 'cost' in attempt ? (attempt.cost.residentMb ?? 0) : 0;
}

async function measureOnce(subject: Subject, plan: LoadPlan, progress: Progress): Promise<Attempt> {
  const at = `${subject.name}, ${plan.concurrency} at once`;
  progress.stage(`${at}: ${plan.requests} requests`);
  try {
    const measurement = await measure(subject, plan, (done) => progress.detail(`${done}/${plan.requests}`));
    progress.stage(`${at}: ${outcomeOf(measurement, plan)}`);
    return measurement;
  } catch (thrown) {
    return unmeasuredFor(thrown, at, progress);
  }
}

function outcomeOf({ records, cost }: Measurement, plan: LoadPlan): string {
  const { totalTokensPerSecond, complete } = summarize(records, cost);
  return `${totalTokensPerSecond} tokens/s, ${complete}/${plan.requests} complete`;
}

function unmeasuredFor(thrown: unknown, at: string, progress: Progress): { readonly unmeasured: string } {
  const unmeasured = thrown instanceof Error ? thrown.message : String(thrown);
  progress.stage(`${at}: ${unmeasured}`);
  return { unmeasured };
}

function cell(subject: Subject, plan: LoadPlan, attempts: readonly Attempt[]): ServeCell {
  return {
    subject,
    plan,
    passes: attempts.flatMap((attempt) => ('records' in attempt ? attempt : [])),
    unmeasured: attempts.flatMap((attempt) => ('unmeasured' in attempt ? attempt.unmeasured : []))[0],
  };
}
