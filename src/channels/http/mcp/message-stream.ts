/**
 * A stream of the older transport. Guarantees: it belongs to whoever sends its first message, and to nobody else; it has a place among the
 * streams of that caller's zone, and ends with the right to be there; what waits to be sent is bounded by the messages in hand; one
 * that ends tells before what these have come to, unless its client is gone.
 */
import { Fault } from '../../../base/faults.ts';
import { newId } from '../../../base/ids.ts';
import type { Caller } from '../../../core/operation.ts';
import type { Open } from '../../../core/streams.ts';
import { placeOf } from './message.ts';
import { MESSAGES } from './path.ts';
import type { Scene } from './tool-call.ts';

/** An answer on its way: `taken` is called when the client has taken it, or never will. */
interface Piece {
  readonly text: string;
  readonly taken: () => void;
}

export class MessageStream {
  readonly id = newId('stream');
  private readonly gone = new AbortController();
  private readonly query: string;
  private readonly ended: () => void;
  private readonly pieces: Piece[] = [];
  private readonly inHand = new Map<unknown, AbortController>();
  private owner: Caller | undefined;
  private place: Open | undefined;
  private ending = false;
  private wake = (): void => undefined;

  constructor(query: string, ended: () => void) {
    this.query = query;
    this.ended = ended;
  }

  /** Aborted when nobody is there any more. */
  get signal(): AbortSignal {
    return this.gone.signal;
  }

  get isOwned(): boolean {
    return this.owner !== undefined;
  }

  get isEnding(): boolean {
    return this.ending;
  }

  isOf({ zone_id, subject_type, subject_id }: Caller): boolean {
    const { owner } = this;
    if (!owner) return true;
    return owner.zone_id === zone_id && owner.subject_type === subject_type && owner.subject_id === subject_id;
  }

  /** It belongs to the caller from now on; TOO_MANY where its zone has no place for it. */
  claim(scene: Scene): void {
    if (this.owner || !scene.arrival.caller) return;
    this.place = placeOf(scene, this.signal);
    this.owner = scene.arrival.caller;
    this.place.signal.addEventListener('abort', () => this.end());
  }

  /** A request is in hand until `taken` is called of what is told of it; aborted where nobody waits for that any more. */
  begin(request: unknown, most: number): AbortController {
    if (this.inHand.has(request))
      throw new Fault('INVALID_REQUEST', `Invalid request: the one with the id ${JSON.stringify(request)} is in hand`);
    if (this.inHand.size >= most)
      throw new Fault('TOO_MANY', `${most} messages of the stream are being answered, the limit MCP_STREAM_MESSAGES`, {
        limit: 'MCP_STREAM_MESSAGES',
        maximum: most,
      });
    const unwanted = new AbortController();
    this.inHand.set(request, unwanted);
    return unwanted;
  }

  /** Tells what a request has come to, if anything; resolves when the client has taken it, or is gone. */
  async finish(request: unknown, answer: object | undefined): Promise<void> {
    if (answer && !this.signal.aborted) {
      const text = eventOf('message', JSON.stringify(answer));
      await new Promise<void>((taken) => {
        this.pieces.push({ text, taken });
        this.wake();
      });
    }
    this.inHand.delete(request);
    this.wake();
  }

  cancel(request: unknown): void {
    this.inHand.get(request)?.abort();
  }

  /** What goes out: first where its messages are to be sent, then answers as they come. */
  async *items(): AsyncGenerator<string> {
    yield eventOf('endpoint', `${MESSAGES}?${new URLSearchParams({ session_id: this.id })}${this.query}`);
    while (!this.signal.aborted && !(this.ending && this.inHand.size === 0)) {
      const piece = this.pieces.shift();
      if (piece) yield* sent(piece);
      else {
        await new Promise<void>((wake) => {
          this.wake = wake;
        });
      }
    }
  }

  /** Takes no more messages; what is in hand is told first. */
  end(): void {
    this.ending = true;
    this.ended();
    this.wake();
  }

  /** The client is gone, or has everything. */
  close(): void {
    this.gone.abort();
    this.end();
    for (const { taken } of this.pieces.splice(0)) taken();
    for (const unwanted of this.inHand.values()) unwanted.abort();
    this.place?.close();
  }
}

function* sent({ text, taken }: Piece): Generator<string> {
  try {
    yield text;
  } finally {
    taken();
  }
}

const eventOf = (event: string, data: string): string => `event: ${event}\ndata: ${data}\n\n`;
