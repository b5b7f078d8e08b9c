import { createInterface } from 'node:readline/promises';
import { Command, Option } from 'commander';
import { type ChatAnswer, type ChatMessage, listModels, streamChat } from '../client/chat-stream.js';
import { CommandError } from '../command-error.js';
import { decimal, httpAddress, text, wholeNumber } from '../flags.js';
import { styleFor } from '../terminal/style.js';
import { defaultHost, defaultPort } from './serving-flags.js';

/** Turns of a conversation that go back to the model; older ones are left out. */
const messagesMax = 40;

interface ChatFlags {
  readonly url: string;
  readonly model?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
}

export function chatCommand(): Command {
  return new Command('chat')
    .description('ask a running server; without a question, talk with it')
    .argument('[question...]', 'the question')
    .addOption(
      new Option('--url <address>', 'where the server runs')
        .default(`http://${defaultHost}:${defaultPort}`)
        .argParser(httpAddress('--url')),
    )
    .addOption(new Option('--model <name>', 'which of its models (default: the first)').argParser(text('--model')))
    .addOption(
      new Option('--max-tokens <n>', 'longest answer (default: what the context leaves)').argParser(
        wholeNumber('--max-tokens', 1, 1_048_576),
      ),
    )
    .addOption(
      new Option('--temperature <t>', "0 for the likeliest answer (default: the server's)").argParser(
        decimal('--temperature', 0, 2),
      ),
    )
    .action(async (words: readonly string[], flags: ChatFlags) => {
      const model = flags.model ?? (await listModels(flags.url, apiKeyOfUser()))[0];
      if (model === undefined) throw new CommandError(`${flags.url} serves no model`);
      if (words.length > 0) {
        const interrupted = new AbortController();
        process.once('SIGINT', () => interrupted.abort());
        await ask(flags, model, [{ role: 'user', content: words.join(' ') }], interrupted.signal);
        if (interrupted.signal.aborted) process.exitCode = 130;
      } else await converse(flags, model);
    });
}

/** From the environment, so that it stands in no list of processes. */
function apiKeyOfUser(): string | undefined {
  return process.env.SLUICE_API_KEY || undefined;
}

/** Prints the answer as it comes; undefined when it was interrupted. */
async function ask(
  flags: ChatFlags,
  model: string,
  messages: readonly ChatMessage[],
  signal: AbortSignal,
): Promise<ChatAnswer | undefined> {
  const style = styleFor(process.stdout);
  try {
    const request = {
      url: flags.url,
      apiKey: apiKeyOfUser(),
      model,
      messages,
      signal,
      ...(flags.maxTokens === undefined ? {} : { tokensMax: flags.maxTokens }),
      ...(flags.temperature === undefined ? {} : { temperature: flags.temperature }),
    };
    const answer = await streamChat(request, (piece) => process.stdout.write(piece));
    process.stdout.write('\n');
    if (process.stdout.isTTY) process.stdout.write(`${style.dim(summary(answer))}\n`);
    return answer;
  } catch (error) {
    if (!signal.aborted) throw error;
    process.stdout.write('\n');
    return undefined;
  }
}

async function converse(flags: ChatFlags, model: string): Promise<void> {
  const style = styleFor(process.stdout);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  let interrupted: AbortController | undefined;
  // Ctrl-C stops an answer; between answers it ends the conversation, as Ctrl-D does.
  terminal.on('SIGINT', () => (interrupted ? interrupted.abort() : terminal.close()));
  process.stdout.write(style.dim(`Talking with ${model}. Ctrl-C stops an answer, Ctrl-D ends.\n`));
  terminal.setPrompt(style.bold('> '));
  terminal.prompt();
  let messages: readonly ChatMessage[] = [];
  for await (const line of terminal) {
    const question = line.trim();
    if (question !== '') {
      const asked: readonly ChatMessage[] = [...messages, { role: 'user', content: question }];
      interrupted = new AbortController();
      const answer = await ask(flags, model, asked, interrupted.signal).catch((error: unknown) => {
        // A refused turn (too long a conversation, say) is told and left out; the conversation goes on.
        if (!(error instanceof CommandError)) throw error;
        process.stderr.write(`sluice: ${error.message}\n`);
        return undefined;
      });
      interrupted = undefined;
      if (answer) messages = [...asked, { role: 'assistant' as const, content: answer.text }].slice(-messagesMax);
    }
    terminal.prompt();
  }
}

function summary(answer: ChatAnswer): string {
  const rate = answer.tokensPerSecond === undefined ? '' : `, then ${answer.tokensPerSecond.toFixed(0)} tokens/s`;
  const end = answer.finishReason === 'length' ? ', cut at the longest answer' : '';
  return `(first token after ${answer.firstTokenMs.toFixed(0)} ms${rate}; ${answer.completionTokens} tokens${end})`;
}
