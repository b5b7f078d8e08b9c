import type { ReplyWriter } from './reply-writer.js';

/** Puts the stop string that ended an answer behind it; workers do so with stop tokens alone. */
export function stopWriter(writer: ReplyWriter): ReplyWriter {
  return {
    write: (event) => {
      const stop = event.finished?.stopString ?? '';
      return writer.write(stop === '' ? event : { ...event, text: event.text + stop });
    },
    fail: (error) => writer.fail(error),
  };
}
