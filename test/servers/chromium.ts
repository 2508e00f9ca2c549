/**
 * A browser for tests: Debian's headless Chromium, driven over its debugging protocol, with a profile of its own that is gone
 * after `stop`. It ends with the thread that started it, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Chromium refuses to run as root in its sandbox; of pages it sees those of its test only. */
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-port=0'];
const PACKAGE = 'chromium-headless-shell';
const PROGRAM = `/usr/lib/chromium/${PACKAGE}`;
const READY_MS_MAX = 60_000;

export interface Page {
  /** Resolves when everything of the page has been loaded. */
  open(url: string): Promise<void>;
  /** As somebody does it who presses the key: what the page was about is broken off. */
  reload(): Promise<void>;
  /** The value of an expression, or of the promise that it is. Plain data. */
  evaluate(expression: string): Promise<unknown>;
}

export interface Browser {
  newPage(): Promise<Page>;
  stop(): Promise<void>;
}

export async function startChromium(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'nexus-chromium-'));
  const command = ['--pdeathsig=KILL', PROGRAM, ...FLAGS, `--user-data-dir=${profile}`, 'about:blank'];
  const child = spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'pipe'] });
  const wire = await Wire.open(await addressOf(child));
  return {
    newPage: async () => {
      const { targetId } = await wire.ask<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await wire.ask<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
      await wire.ask('Page.enable', {}, sessionId);
      return pageOf(wire, sessionId);
    },
    stop: async () => {
      const ended = once(child, 'exit');
      // It may have gone before it says so.
      await wire.ask('Browser.close', {}).catch(() => undefined);
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** It says on stderr where it listens. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (): void => {
      child.kill('SIGKILL');
      reject(new Error(`Chromium did not start (apt-get install ${PACKAGE}):\n${said}`));
    };
    const timer = setTimeout(fail, READY_MS_MAX);
    child.once('exit', fail);
    child.once('error', fail);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const address = /^DevTools listening on (ws:\S+)$/m.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      child.off('exit', fail);
      resolve(address);
    });
  });
}

function pageOf(wire: Wire, session: string): Page {
  const loaded = async (method: string, params: object): Promise<void> => {
    const done = wire.event('Page.loadEventFired', session);
    await wire.ask(method, params, session);
    await done;
  };
  return {
    open: (url) => loaded('Page.navigate', { url }),
    reload: () => loaded('Page.reload', {}),
    evaluate: async (expression) => {
      const asked = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await wire.ask<Evaluated>('Runtime.evaluate', asked, session);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
  };
}

interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
}

interface Said {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly wanted: (said: Said) => boolean;
  readonly resolve: (said: Said) => void;
  readonly reject: (reason: Error) => void;
}

/** One connection for all pages; each message names the session of its page. */
class Wire {
  private readonly socket: WebSocket;
  private waiting: Waiting[] = [];
  private next = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const said = JSON.parse(String(data)) as Said;
      const told = this.waiting.filter(({ wanted }) => wanted(said));
      this.waiting = this.waiting.filter((one) => !told.includes(one));
      for (const { resolve } of told) resolve(said);
    });
    socket.addEventListener('close', () => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error('the browser has gone'));
    });
  }

  static async open(address: string): Promise<Wire> {
    const socket = new WebSocket(address);
    await once(socket, 'open');
    return new Wire(socket);
  }

  async ask<T>(method: string, params: object, sessionId?: string): Promise<T> {
    const id = ++this.next;
    const answer = this.first((said) => said.id === id);
    this.socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  event(method: string, sessionId: string): Promise<Said> {
    return this.first((said) => said.method === method && said.sessionId === sessionId);
  }

  private first(wanted: (said: Said) => boolean): Promise<Said> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ wanted, resolve, reject });
    });
  }
}
