/** A listener to the stream of events over HTTP, as bare as it gets: what came, in order, and how it ended. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { EventObject } from '../src/features/feed/event-line.ts';
import { ADMIN_KEY } from './harness.ts';

export interface Listening {
  readonly key?: string;
  readonly query?: string;
  readonly lastEventId?: string;
  /** Keeps the ids alone: of many events there is room for no more. */
  readonly idsOnly?: boolean;
}

/** Characters that are kept of what came. */
const BEGINNING = 1_000;

export class Listener {
  /** In the order in which they came. */
  readonly events: EventObject[] = [];
  /** Ids of the frames, which have to be those of the events. */
  readonly ids: string[] = [];
  readonly status: number;
  /** What came first. */
  text = '';
  /** How it ended: `whole` where the answer came to its end, `broken` where the connection did. */
  ended: 'whole' | 'broken' | undefined;
  private readonly answer: IncomingMessage;
  private readonly idsOnly: boolean;
  private rest = '';
  private changed = (): void => undefined;

  constructor(answer: IncomingMessage, { idsOnly = false }: Pick<Listening, 'idsOnly'> = {}) {
    this.answer = answer;
    this.idsOnly = idsOnly;
    this.status = answer.statusCode ?? 0;
    answer.setEncoding('utf8');
    answer.on('data', (text: string) => this.take(text));
    answer.on('close', () => {
      this.ended = answer.complete ? 'whole' : 'broken';
      this.changed();
    });
    answer.on('error', () => undefined);
  }

  get numbers(): number[] {
    return this.events.map(({ sequence_number }) => sequence_number);
  }

  get last(): string {
    return this.ids.at(-1) ?? '';
  }

  /** Resolves once this holds; fails where the stream ends before. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.ended) throw new Error(`the stream ended ${this.ended} after ${this.events.length} events`);
      await this.change();
    }
  }

  async end(): Promise<'whole' | 'broken'> {
    while (!this.ended) await this.change();
    return this.ended;
  }

  /** Takes nothing more, until it goes on. */
  pause(): void {
    this.answer.pause();
  }

  resume(): void {
    this.answer.resume();
  }

  vanish(): void {
    this.answer.destroy();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.changed = resolve;
    });
  }

  private take(text: string): void {
    if (this.text.length < BEGINNING) this.text += text;
    const frames = (this.rest + text).split('\n\n');
    this.rest = frames.pop() ?? '';
    for (const frame of frames) {
      const found = /^id: (.*)\ndata: (.*)$/.exec(frame);
      if (!found) continue;
      this.ids.push(found[1] ?? '');
      if (!this.idsOnly) this.events.push(JSON.parse(found[2] ?? '') as EventObject);
    }
    this.changed();
  }
}

/** Resolves when the head has come. */
export function listen(url: string, listening: Listening = {}): Promise<Listener> {
  const { key = ADMIN_KEY, query = '', lastEventId } = listening;
  const headers = {
    authorization: `Bearer ${key}`,
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  return new Promise((resolve, reject) => {
    const asked = httpRequest(`${url}/api/v2/events/stream${query}`, { headers, agent: false });
    asked.on('response', (answer) => resolve(new Listener(answer, listening)));
    asked.on('error', reject);
    asked.end();
  });
}
