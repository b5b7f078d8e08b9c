import type { Delta, DeltaInit } from './gen/sluice/v1/Delta.js';
import type { GenerateEvent, GenerateEventInit } from './gen/sluice/v1/GenerateEvent.js';
import type { Load, LoadInit } from './gen/sluice/v1/Load.js';
import type { WorkerMessage, WorkerMessageInit } from './gen/sluice/v1/WorkerMessage.js';
import { WireReader } from './wire-reader.js';
import { WireWriter } from './wire-writer.js';

/** How one message becomes bytes and back. */
export interface Codec<Init, Output> {
  serialize(message: Init): Buffer;
  deserialize(bytes: Buffer): Output;
}

/** What is read from the contract, for all that frames do not hold in every step. */
export interface FrameCodecParts {
  readonly message: Codec<WorkerMessageInit, WorkerMessage>;
  readonly event: Codec<GenerateEventInit, GenerateEvent>;
  readonly load: Codec<LoadInit, Load>;
}

/** Fields of the contract by number and wire type: 0 is a varint, 2 is bytes behind their length. */
const message = { frame: tag(2, 2) };
const frameOf = { frame: tag(1, 0), deltas: tag(2, 2), load: tag(3, 2) };
const deltaOf = { id: tag(1, 0), event: tag(2, 2) };
const eventOf = { tokenIds: tag(2, 2), text: tag(3, 2) };

/** A frame that would be longer is left to the general codec. */
const FRAME_BYTES_MAX = 64 * 1024;

/**
 * The messages of a worker to its gateways. A frame with new tokens and their text, which comes once a step, is written and
 * read here without objects between: where few streams run, the rest of the machine has displaced this code from the
 * caches by the time of the next step, and then every function that a frame goes through costs.
 *
 * Everything else goes through the general codec; so does a frame with fields that are not known here. The bytes are the
 * contract's either way. 64 deltas of a token each take 5 µs to write and 6 to read, 24 and 15 in general (frame.bench.ts).
 */
export function frameCodec(general: FrameCodecParts): Codec<WorkerMessageInit, WorkerMessage> {
  const writer = new WireWriter(FRAME_BYTES_MAX);
  return {
    serialize: (init) => writeMessage(init, writer, general) ?? general.message.serialize(init),
    deserialize: (bytes) => readMessage(bytes, general) ?? general.message.deserialize(bytes),
  };
}

// ---- writing

/** Undefined: it is for the general codec. */
function writeMessage({ frame }: WorkerMessageInit, writer: WireWriter, general: FrameCodecParts): Buffer | undefined {
  if (!frame || typeof frame.frame !== 'number') return undefined;
  writer.clear();
  const { end } = writer;
  if (frame.load) writer.bytes(frameOf.load, general.load.serialize(frame.load));
  const { deltas = [] } = frame;
  for (let index = deltas.length - 1; index >= 0; index--) writeDelta(deltas[index]!, writer, general);
  writer.number(frameOf.frame, frame.frame);
  writer.open(message.frame, end);
  return writer.copy();
}

function writeDelta({ id = 0, event }: DeltaInit, writer: WireWriter, general: FrameCodecParts): void {
  const { end } = writer;
  if (event && isPlain(event)) writePlainEvent(event, writer);
  else if (event) writer.bytes(deltaOf.event, general.event.serialize(event));
  writer.number(deltaOf.id, id);
  writer.open(frameOf.deltas, end);
}

function writePlainEvent({ tokenIds = [], text = '' }: GenerateEventInit, writer: WireWriter): void {
  const { end } = writer;
  if (text !== '') writer.text(eventOf.text, text);
  const idsEnd = writer.end;
  for (let index = tokenIds.length - 1; index >= 0; index--) writer.varint(tokenIds[index]!);
  if (tokenIds.length > 0) writer.open(eventOf.tokenIds, idsEnd);
  writer.open(deltaOf.event, end);
}

/** Whether it has nothing but tokens and text. */
function isPlain({ accepted, logprobs, promptReport, finished, failed }: GenerateEventInit): boolean {
  return !accepted && !finished && !failed && !promptReport && (logprobs === undefined || logprobs.length === 0);
}

// ---- reading

/** Undefined: it is for the general codec, which also says what is wrong with it. */
function readMessage(bytes: Buffer, general: FrameCodecParts): WorkerMessage | undefined {
  const reader = new WireReader(bytes);
  if (reader.varint() !== message.frame || reader.open() !== bytes.length) return undefined;
  const deltas: Delta[] = [];
  let frame = 0;
  let load: Load | null = null;
  while (reader.position < bytes.length) {
    const field = reader.varint();
    if (field === frameOf.frame) {
      frame = reader.varint();
    } else if (field === frameOf.load) {
      load = general.load.deserialize(reader.bytes());
    } else {
      const delta = field === frameOf.deltas ? readDelta(reader, general) : undefined;
      if (delta === undefined) return undefined;
      deltas.push(delta);
    }
  }
  return reader.position === bytes.length ? { frame: { deltas, frame, load }, message: 'frame' } : undefined;
}

function readDelta(reader: WireReader, general: FrameCodecParts): Delta | undefined {
  const end = reader.open();
  let id = 0;
  let event: GenerateEvent | null = null;
  while (reader.position < end) {
    const field = reader.varint();
    if (field === deltaOf.id) id = reader.varint();
    else if (field === deltaOf.event) event = readEvent(reader, general);
    else return undefined;
  }
  return reader.position === end ? { id, event } : undefined;
}

function readEvent(reader: WireReader, general: FrameCodecParts): GenerateEvent {
  const start = reader.position;
  const end = reader.open();
  const tokenIds: number[] = [];
  let text = '';
  while (reader.position < end) {
    const field = reader.varint();
    if (field === eventOf.tokenIds) reader.varints(tokenIds);
    else if (field === eventOf.text) text = reader.text();
    else break;
  }
  if (reader.position === end) return { tokenIds, logprobs: [], accepted: null, text, promptReport: null };
  reader.position = start;
  return general.event.deserialize(reader.bytes());
}

/** As it is on the wire. */
function tag(number: number, wireType: 0 | 2): number {
  return (number << 3) | wireType;
}
