import type { MetricPart, WorkerChange } from '@sluice/gateway';
import type { Clock } from '@sluice/shared';
import type { LimitStore } from '@sluice/store';
import { asProcessMessage, type ParentMessage, type Question } from './process-messages.js';
import { addRetired } from './retired-metrics.js';

/** A process as the switchboard knows it. */
export interface Member {
  tell(message: ParentMessage): void;
}

export interface SwitchboardParts {
  /** That all processes count on. */
  readonly limits: LimitStore;
  readonly clock: Clock;
}

/** Milliseconds for the processes to reply. */
const replyWaitMs = 1_000;
/** Changes of workers that are told to processes which come later; of more the oldest go. */
const changesMax = 8_192;

interface Collection {
  readonly asker: Member;
  readonly askerId: number;
  readonly what: Question;
  readonly replies: Map<Member, MetricPart | boolean>;
  readonly stopTimer: () => void;
}

/** Where the processes of a gateway meet: what one asks of the others or of all goes through here. */
export class Switchboard {
  readonly #parts: SwitchboardParts;
  /** Each with what it counted when it was last asked. */
  readonly #members = new Map<Member, MetricPart | undefined>();
  readonly #collections = new Map<number, Collection>();
  readonly #changes = new Map<string, WorkerChange>();
  /** What those counted that are gone: counters may not go down. */
  #retired: MetricPart = [];
  #nextId = 1;

  constructor(parts: SwitchboardParts) {
    this.#parts = parts;
  }

  join(member: Member): void {
    if (this.#members.has(member)) return;
    this.#members.set(member, undefined);
    for (const change of this.#changes.values()) member.tell({ type: 'worker change', change });
  }

  /** It has ended, with last words or without; then what it counted since it was last asked is lost. */
  leave(member: Member, lastWords: MetricPart | undefined = this.#members.get(member)): void {
    if (!this.#members.delete(member)) return;
    if (lastWords !== undefined) this.#retired = addRetired(this.#retired, lastWords);
    for (const id of [...this.#collections.keys()]) this.#endIfWhole(id);
  }

  /** What a process said, its supervisor's messages included, which are none of this one's business. */
  hear(member: Member, raw: unknown): void {
    const message = asProcessMessage(raw);
    const { limits } = this.#parts;
    switch (message?.type) {
      case 'reserve':
        void limits.reserve(message.claims).then((answer) => member.tell({ type: 'reserved', id: message.id, answer }));
        break;
      case 'settle':
        void limits.settle(message.settlements);
        break;
      case 'worker change':
        this.#change(member, message.change);
        break;
      case 'ask':
        this.#collect(member, message.id, message.what);
        break;
      case 'reply':
        if (this.#members.has(member) && isPart(message.reply)) this.#members.set(member, message.reply);
        this.#collections.get(message.id)?.replies.set(member, message.reply);
        this.#endIfWhole(message.id);
        break;
      case 'last words':
        this.leave(member, message.part);
        break;
      case undefined:
    }
  }

  #change(from: Member, change: WorkerChange): void {
    this.#changes.delete(change.address);
    this.#changes.set(change.address, change);
    const [oldest] = this.#changes.keys();
    if (this.#changes.size > changesMax && oldest !== undefined) this.#changes.delete(oldest);
    for (const member of this.#members.keys()) if (member !== from) member.tell({ type: 'worker change', change });
  }

  #collect(asker: Member, askerId: number, what: Question): void {
    const id = this.#nextId++;
    const stopTimer = this.#parts.clock.after(replyWaitMs, () => this.#end(id));
    this.#collections.set(id, { asker, askerId, what, replies: new Map(), stopTimer });
    for (const member of this.#members.keys()) if (member !== asker) member.tell({ type: 'question', id, what });
    this.#endIfWhole(id);
  }

  #endIfWhole(id: number): void {
    const collection = this.#collections.get(id);
    if (collection === undefined) return;
    const isWhole = [...this.#members.keys()].every(
      (member) => member === collection.asker || collection.replies.has(member),
    );
    if (isWhole) this.#end(id);
  }

  #end(id: number): void {
    const collection = this.#collections.get(id);
    if (collection === undefined) return;
    this.#collections.delete(id);
    collection.stopTimer();
    const { asker, askerId, what, replies } = collection;
    // Who has gone since it counted is among the retired.
    const others = [...this.#members.keys()].filter((member) => member !== asker);
    const heard = others.flatMap((member) => {
      const reply = replies.get(member);
      return reply === undefined ? [] : [reply];
    });
    const parts = heard.filter(isPart);
    const metrics = { parts: [this.#retired, ...parts], counted: parts.length, silent: others.length - heard.length };
    const answer = what === 'metrics' ? metrics : !heard.includes(false);
    asker.tell({ type: 'answer', id: askerId, answer });
  }
}

function isPart(reply: MetricPart | boolean): reply is MetricPart {
  return typeof reply !== 'boolean';
}
