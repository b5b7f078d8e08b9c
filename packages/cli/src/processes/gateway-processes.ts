import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import type { Logger } from '@sluice/shared';
import { CommandError } from '../command-error.js';
import { type ChildEvent, SupervisedChild } from '../supervisor/supervised-child.js';
import type { Switchboard } from './switchboard.js';

export interface GatewayProcessesOptions {
  /** The script that Node runs, and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  readonly count: number;
  /** For what one that is replaced still has, milliseconds. */
  readonly drainMs: number;
  readonly switchboard: Switchboard;
  /** Who died, is back, was replaced. */
  readonly log: Logger;
}

/** Milliseconds for a new process to serve before the old one is left in its place. */
const startMs = 30_000;

/**
 * Processes that answer on one port, each a supervised child of this process, which itself answers nothing. They share
 * one listening socket, and the kernel gives a connection to whichever accepts it first.
 */
export class GatewayProcesses {
  /** Resolves with exit status 1 when no process can serve any more. */
  readonly gaveUp: Promise<number>;
  readonly #options: GatewayProcessesOptions;
  /** Those that hold a place; not those that were replaced and end what they have. */
  readonly #places: SupervisedChild[] = [];
  readonly #all = new Set<SupervisedChild>();
  readonly #givenUp = new Set<SupervisedChild>();
  #resolveGaveUp: (status: number) => void = () => {};
  #number = 0;
  #isStopping = false;
  #roll: Promise<void> | undefined;
  #isRollWanted = false;

  constructor(options: GatewayProcessesOptions) {
    this.#options = options;
    this.gaveUp = new Promise((resolve) => {
      this.#resolveGaveUp = resolve;
    });
    // Shared, not handed round: no process in the way of a connection, and none that is lost on the way to one.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
  }

  /**
   * Starts all of them.
   *
   * @throws CommandError when one cannot be brought to serve; then none is left
   */
  async start(): Promise<void> {
    // What is wrong with one is wrong with all: the first one finds out, and says it once.
    try {
      this.#places.push(await this.#startOne());
      const rest = Array.from({ length: this.#options.count - 1 }, () => this.#startOne());
      this.#places.push(...(await Promise.all(rest)));
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  /**
   * Puts a new process in the place of each, one after the other: the new one serves before the old one stops to
   * accept, and the old one ends what it has. Called while that goes on, it is done once more behind it. Never rejects.
   */
  replaceAll(): Promise<void> {
    this.#isRollWanted = true;
    this.#roll ??= (async () => {
      while (this.#isRollWanted && !this.#isStopping) {
        this.#isRollWanted = false;
        await this.#replaceEach();
      }
      this.#roll = undefined;
    })();
    return this.#roll;
  }

  /** Resolves when none is left. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    const children = [...this.#all];
    // One that starts has nothing to end, and does not hear of it yet.
    for (const child of children) if (!child.isServing) child.kill();
    await Promise.all(children.filter(({ isServing }) => isServing).map((child) => child.stop(deadlineMs)));
  }

  async #replaceEach(): Promise<void> {
    const { count, drainMs, log } = this.#options;
    for (let place = 0; place < count && !this.#isStopping; place += 1) {
      const old = this.#places[place];
      let fresh: SupervisedChild;
      try {
        fresh = await this.#startOne();
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        log.error(`${old?.name} stays, because nothing can take its place: ${why}`);
        return;
      }
      this.#places[place] = fresh;
      await old?.stop(drainMs, undefined, true);
      if (old !== undefined) this.#forget(old);
      log.info(`${fresh.name} serves in the place of ${old?.name}`);
    }
  }

  /** Resolves when it serves for the first time; in every other case there is nothing left of it. */
  #startOne(): Promise<SupervisedChild> {
    const { script, args } = this.#options;
    this.#number += 1;
    const name = `gateway process ${this.#number}`;
    return new Promise((resolve, reject) => {
      const give = (why: string): void => {
        child.kill();
        this.#forget(child);
        reject(new CommandError(why));
      };
      const timer = setTimeout(() => give(`${name} did not serve within ${startMs / 1000} s`), startMs);
      const onEvent = (event: ChildEvent): void => {
        if (event.kind === 'ready' && !event.restarted) {
          clearTimeout(timer);
          resolve(child);
        }
        if (event.kind === 'gave up' && !this.#places.includes(child)) {
          clearTimeout(timer);
          give(event.why);
        }
        this.#onEvent(child, event);
      };
      const onMessage = (message: unknown): void => this.#options.switchboard.hear(child, message);
      const child = new SupervisedChild({ name, script, args: () => args, fork: forkSharing, onMessage }, onEvent);
      this.#all.add(child);
      child.start();
    });
  }

  #onEvent(child: SupervisedChild, event: ChildEvent): void {
    const { switchboard, log } = this.#options;
    switch (event.kind) {
      case 'ready':
        switchboard.join(child);
        if (event.restarted) log.info(`${child.name} serves again`);
        break;
      case 'died':
        switchboard.leave(child);
        log.error(`${child.name} ${event.how}; starting it again in ${event.delayMs / 1000} s`);
        break;
      case 'gave up':
        switchboard.leave(child);
        if (!this.#places.includes(child)) break;
        log.error(`${child.name} is given up: ${event.why}`);
        this.#givenUp.add(child);
        if (this.#places.every((place) => this.#givenUp.has(place))) this.#resolveGaveUp(1);
        break;
      case 'line':
      case 'progress':
    }
  }

  #forget(child: SupervisedChild): void {
    this.#options.switchboard.leave(child);
    this.#all.delete(child);
    this.#givenUp.delete(child);
  }
}

/** With the port of this process's cluster, and its output where ours goes. */
function forkSharing(script: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  cluster.setupPrimary({
    exec: script,
    args: [...args],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // JSON knows no NaN, which a metric may be.
    serialization: 'advanced',
  });
  return cluster.fork(env).process;
}
