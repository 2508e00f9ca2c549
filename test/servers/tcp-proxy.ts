/**
 * A loopback door to a TCP server through which a test sees what is sent, and can lose it: the answer to a message, the
 * message itself, or everything without a word.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What becomes of bytes that a client sends. */
export type Fate = 'pass' | 'lose' | 'lose the answer' | 'lose what follows the answer';

export interface TcpProxy {
  readonly port: number;
  /** How often clients spoke after they had been answered, or first: round trips. */
  turns: number;
  /** Answers lost so far. */
  lostAnswers: number;
  /** Decides for each packet of a client; all pass by default. */
  judge: (packet: Buffer) => Fate;
  /** Connections are refused while set. */
  shut: boolean;
  /** Nothing passes while set, and nobody is told. */
  mute: boolean;
  /** Breaks every connection off. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (proxy.shut) return client.destroy();
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    join(proxy, client, upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    turns: 0,
    lostAnswers: 0,
    judge: () => 'pass',
    shut: false,
    mute: false,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    stop: async () => {
      proxy.cut();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

const PASSING = {
  pass: Number.POSITIVE_INFINITY,
  'lose the answer': 0,
  'lose what follows the answer': 1,
} as const satisfies Record<Exclude<Fate, 'lose'>, number>;

function join(proxy: TcpProxy, client: Socket, upstream: Socket): void {
  let spoke = false;
  /** Answers that pass before one is lost. */
  let passing = Number.POSITIVE_INFINITY;
  client.on('data', (packet: Buffer) => {
    if (proxy.mute) return;
    if (!spoke) proxy.turns++;
    spoke = true;
    const fate = proxy.judge(packet);
    if (fate === 'lose') return client.destroy();
    passing = PASSING[fate];
    upstream.write(packet);
  });
  upstream.on('data', (packet) => {
    if (proxy.mute) return;
    spoke = false;
    if (passing-- > 0) return client.write(packet);
    proxy.lostAnswers++;
    client.destroy();
  });
}
