import type { ReplyWriter } from '../relay/reply-writer.js';
import type { StreamJournal } from './stream-journal.js';

/** Writes down what a worker sends before anything is made of it: who reads it makes the same of it again. */
export function recordingWriter(writer: ReplyWriter, journal: StreamJournal): ReplyWriter {
  return {
    write: (event) => {
      journal.add(event);
      return writer.write(event);
    },
    fail: (error) => {
      // What ended for want of room or of this gateway may go on elsewhere.
      if (error.row.fault !== 'load') journal.fail(error);
      writer.fail(error);
    },
  };
}
