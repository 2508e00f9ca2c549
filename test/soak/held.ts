/**
 * What a process holds once nothing is left to collect: through its inspector, the heaps of all its threads are collected, and
 * then its resident memory is looked at. Between two collections that says how much garbage there is, not how much is held.
 */
import { strict as assert } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '../../bench/lib/process-stats.ts';

/** A collection is over when it is answered; the pages go back to the system a little later. */
const SETTLE_MS = 2_000;
const ATTACH_MS = 500;

interface Said {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId?: string; readonly message?: string };
}

class Inspector {
  readonly threads: string[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, () => void>();
  #asked = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data)) as Said));
  }

  /** Asks the main thread, or another one. */
  async ask(method: string, params: object = {}, thread?: string): Promise<void> {
    const id = ++this.#asked;
    const answered = new Promise<void>((resolve) => this.#waiting.set(id, resolve));
    const message = { id, method, params };
    if (thread === undefined) this.#socket.send(JSON.stringify(message));
    else await this.ask('NodeWorker.sendMessageToWorker', { sessionId: thread, message: JSON.stringify(message) });
    await answered;
  }

  #hear({ id, method, params }: Said): void {
    if (method === 'NodeWorker.attachedToWorker') this.threads.push(params?.sessionId ?? '');
    if (method === 'NodeWorker.receivedMessageFromWorker') this.#hear(JSON.parse(params?.message ?? '{}') as Said);
    if (id !== undefined) this.#waiting.get(id)?.();
  }
}

/** MiB that a process with an inspector at a port of loopback holds. */
export async function heldMebibytes(pid: number, port: number): Promise<number> {
  const listed = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { webSocketDebuggerUrl: string }[];
  assert(listed[0], 'the process has an inspector');
  const socket = new WebSocket(listed[0].webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  const inspector = new Inspector(socket);
  await inspector.ask('NodeWorker.enable', { waitForDebuggerOnStart: false });
  await sleep(ATTACH_MS);
  for (const thread of [undefined, ...inspector.threads]) {
    await inspector.ask('HeapProfiler.enable', {}, thread);
    await inspector.ask('HeapProfiler.collectGarbage', {}, thread);
    await inspector.ask('HeapProfiler.disable', {}, thread);
  }
  await inspector.ask('NodeWorker.disable');
  socket.close();
  await sleep(SETTLE_MS);
  return residentBytes(pid) / 1024 ** 2;
}
