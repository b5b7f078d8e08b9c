import type { ChatAnswer } from '../client/chat-stream.js';
import type { Style } from '../terminal/style.js';

export interface Welcome {
  /** `http://host:port`. */
  readonly url: string;
  readonly model: string;
  readonly question: string;
  readonly answer: ChatAnswer;
  /** Whether callers have to say who they are. */
  readonly needsKey: boolean;
  readonly workers: number;
  readonly gateways: number;
  readonly threads: number;
  readonly logFolder: string;
}

/** What `sluice up` prints when everything runs: the answer to its own first question, and how to ask the next. */
export function renderWelcome(welcome: Welcome, style: Style): string {
  const { url, model, answer } = welcome;
  const rate = answer.tokensPerSecond === undefined ? '' : `, then ${answer.tokensPerSecond.toFixed(1)} tokens/s`;
  const messages = [{ role: 'user', content: welcome.question }];
  const key = welcome.needsKey ? ` -H "authorization: Bearer $SLUICE_API_KEY"` : '';
  const body = JSON.stringify({ model, messages, temperature: 0, max_tokens: 64 });
  const gateways = welcome.gateways === 1 ? '' : ` behind ${count(welcome.gateways, 'gateway process')}`;
  return `
${style.bold(`Sluice serves ${model} at ${url}`)}  (${count(welcome.workers, 'worker')} of ${count(welcome.threads, 'thread')}${gateways})

  ${style.dim('asked')}     ${welcome.question}
  ${style.dim('answered')}  ${answer.text.trim().replaceAll('\n', '\n            ')}
            first token after ${answer.firstTokenMs.toFixed(0)} ms${rate}

  ${style.dim('API')}       ${url}/v1
  ${style.dim('metrics')}   ${url}/metrics
  ${style.dim('logs')}      ${welcome.logFolder}
  ${style.dim('try')}       curl ${url}/v1/chat/completions -H 'content-type: application/json'${key} -d '${body}'

Ctrl-C stops it.
`;
}

function count(number: number, thing: string): string {
  const ending = thing.endsWith('s') ? 'es' : 's';
  return `${number} ${thing}${number === 1 ? '' : ending}`;
}
