/** Many clients that each say one thing at least, wait for the answer and say the next: answers a second, over bare sockets. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Conversation {
  readonly host: string;
  readonly port: number;
  readonly clients: number;
  readonly seconds: number;
  /** Said once by each client; no answer to it is waited for. */
  readonly greeting?: (client: number) => string;
  /** The n-th thing that is said, and by which client. */
  readonly say: (n: number, client: number) => string;
  /** How much of what was heard is one whole answer; 0 where it is none yet. Throws where it is a refusal. */
  readonly heard: (text: string) => number;
}

export async function answersPerSecond(talk: Conversation): Promise<number> {
  const end = performance.now() + talk.seconds * 1000;
  let said = 0;
  let answered = 0;
  const run = async (client: number): Promise<void> => {
    const socket = connect(talk.port, talk.host).setNoDelay(true);
    await once(socket, 'connect');
    if (talk.greeting) socket.write(talk.greeting(client));
    const listener = listen(socket, talk.heard);
    do {
      socket.write(talk.say(said++, client));
      await listener.answer();
      answered++;
    } while (performance.now() < end);
    socket.destroy();
  };
  await Promise.all(Array.from({ length: talk.clients }, (_, client) => run(client)));
  return answered / talk.seconds;
}

function listen(socket: Socket, heard: Conversation['heard']): { answer(): Promise<void> } {
  let text = '';
  let told: { resolve(): void; reject(reason: unknown): void } | undefined;
  const look = (): void => {
    try {
      const length = heard(text);
      if (length === 0) return;
      text = text.slice(length);
      told?.resolve();
      told = undefined;
    } catch (refusal) {
      told?.reject(refusal);
    }
  };
  socket.setEncoding('latin1').on('data', (more: string) => {
    text += more;
    if (told) look();
  });
  socket.on('close', () => told?.reject(new Error('the connection was closed')));
  return {
    answer: () =>
      new Promise((resolve, reject) => {
        told = { resolve, reject };
        look();
      }),
  };
}

/** One whole answer of HTTP with a Content-Length. */
export function httpAnswer(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  if (!/^HTTP\/1\.1 2/.test(text)) throw new Error(text.slice(0, 500));
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
  const whole = head + 4 + length;
  return text.length >= whole ? whole : 0;
}
