const eventBytesMax = 4 * 1024 * 1024;

/**
 * The data of each event of a server-sent-event stream (HTML standard, section 9.2; event names and ids are left out),
 * as far as OpenAI's API uses them. Ends with the stream; whether that was in order is for the reader to see.
 *
 * @throws Error when an event is longer than 4 MiB
 */
export async function* sseData(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (rest.length > eventBytesMax) throw new Error(`a streamed event is longer than ${eventBytesMax} bytes`);
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line === '' && data.length > 0) {
        yield data.join('\n');
        data = [];
      }
    }
  }
}
