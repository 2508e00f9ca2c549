/** Connections that are judged, over real sockets: names, redirects, names that change, pins, certificates. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { createServer as createTlsServer, request as secureRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../../../test/servers/certificate.ts';
import type { Outbound } from '../../ports/outbound.ts';
import { type OutboundOptions, openOutbound } from './outbound.ts';

let server: Server;
let port: number;
/** `Host` of each request that came. */
let came: (string | undefined)[] = [];

beforeAll(async () => {
  // All of 127.0.0.0/8 comes here, so one address can be open and another not.
  server = createServer((asked, response) => {
    came.push(asked.headers.host);
    const to = /^\/to\/(.+)/.exec(asked.url ?? '')?.[1];
    if (to) response.writeHead(302, { location: decodeURIComponent(to) });
    response.end();
  }).listen(0, '0.0.0.0');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  server.close();
  await once(server, 'close');
});

const opened = (options: Partial<OutboundOptions>): Outbound =>
  openOutbound({ allow: [], pins: [], ca: '', ...options });

/** Status of a GET, and where it leads. */
async function get(outbound: Outbound, address: string): Promise<{ status: number; location: string | undefined }> {
  const url = new URL(address);
  const ask = url.protocol === 'https:' ? secureRequest : request;
  const asked = ask(url, { agent: outbound.agentFor(url), headers: { connection: 'close' } });
  asked.end();
  const [response] = await once(asked, 'response');
  response.resume();
  await once(response, 'close');
  return { status: response.statusCode, location: response.headers.location };
}

const refused = { code: 'OUTBOUND_REFUSED' };

test.each([
  '127.0.0.1',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '127.1',
  '127.0.0.1.',
  'localhost',
  'localhost.',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '0',
])('http://%s is refused before anything is sent', async (host) => {
  const outbound = opened({});
  came = [];
  await expect(get(outbound, `http://${host}:${port}/`)).rejects.toMatchObject(refused);
  await expect(outbound.judge(new URL(`http://${host}:${port}/`))).rejects.toMatchObject(refused);
  expect(came).toEqual([]);
  outbound.close();
});

test.each(['2130706433', '0x7f000001', '0177.1', '127.1'])(
  'a host %s that no URL has made plain is refused',
  async (host) => {
    const outbound = opened({});
    const asked = request({ host, port, agent: outbound.agentFor(new URL('http://x')) });
    asked.end();
    await expect(once(asked, 'response')).rejects.toMatchObject(refused);
    outbound.close();
  },
);

test('a refusal names the address, what it is and what opens it', async () => {
  const outbound = opened({ resolver: (_name, told) => told(null, [{ address: '10.1.2.3', family: 4 }]) });
  await expect(get(outbound, 'http://inside.test/')).rejects.toThrow(
    'inside.test, which is 10.1.2.3, may not be asked: the address is private; NEXUS_OUTBOUND_ALLOW opens ranges',
  );
  outbound.close();
});

test('a name that the system does not know is a failure of that request', async () => {
  const outbound = opened({});
  const unknown = 'http://no.such.name.invalid/';
  await expect(get(outbound, unknown)).rejects.toMatchObject({ syscall: 'getaddrinfo' });
  await outbound.judge(new URL(unknown));
  outbound.close();
});

test('one address that is refused refuses the name', async () => {
  const outbound = opened({
    allow: ['127.0.0.1'],
    resolver: (_name, told) =>
      told(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ]),
  });
  await expect(get(outbound, `http://both.test:${port}/`)).rejects.toMatchObject(refused);
  outbound.close();
});

test('a name that changes its address is judged at each connection, and connected to what was judged', async () => {
  const answers = ['127.0.0.1', '127.0.0.2', '127.0.0.1'];
  let asked = 0;
  const outbound = opened({
    allow: ['127.0.0.1'],
    resolver: (_name, told) => told(null, [{ address: answers[asked++] ?? '10.0.0.1', family: 4 }]),
  });
  const url = `http://changing.test:${port}/`;
  expect((await get(outbound, url)).status).toBe(200);
  expect(asked).toBe(1);
  await expect(get(outbound, url)).rejects.toMatchObject(refused);
  expect((await get(outbound, url)).status).toBe(200);
  expect(asked).toBe(3);
  outbound.close();
});

test('where a redirect leads is judged like all else', async () => {
  const outbound = opened({ allow: ['127.0.0.1'] });
  const inside = `http://127.0.0.2:${port}/secret`;
  const { status, location } = await get(outbound, `http://127.0.0.1:${port}/to/${encodeURIComponent(inside)}`);
  expect([status, location]).toEqual([302, inside]);
  came = [];
  await expect(get(outbound, location!)).rejects.toMatchObject(refused);
  expect(came).toEqual([]);
  outbound.close();
});

test('a pinned name goes where the operator said, under its own name, and needs no resolver', async () => {
  const outbound = opened({
    pins: [`hooks.test:80=127.0.0.1:${port}`],
    resolver: (name, told) => told(new Error(`asked for ${name}`), []),
  });
  came = [];
  expect((await get(outbound, 'http://HOOKS.test/')).status).toBe(200);
  expect(came).toEqual(['hooks.test']);
  await outbound.judge(new URL('http://hooks.test/'));
  await expect(get(outbound, 'http://hooks.test:8080/')).rejects.toThrow('asked for hooks.test');
  outbound.close();
});

test('a name that is unknown today is not refused', async () => {
  const outbound = opened({ resolver: (_name, told) => told(new Error('unknown'), []) });
  await outbound.judge(new URL('https://not-yet.test/'));
  outbound.close();
});

test('without a list all is open', async () => {
  const outbound = opened({ allow: undefined });
  expect((await get(outbound, `http://127.0.0.1:${port}/`)).status).toBe(200);
  expect((await get(outbound, `http://localhost:${port}/`)).status).toBe(200);
  outbound.close();
});

test('a certificate of an own authority counts where it is given, and only for its name', async () => {
  const { key, cert } = makeCertificate('secure.test');
  const secure = createTlsServer({ key, cert }, (_asked, response) => response.end()).listen(0, '127.0.0.1');
  await once(secure, 'listening');
  const at = (secure.address() as AddressInfo).port;
  const pins = [`secure.test:443=127.0.0.1:${at}`, `other.test:443=127.0.0.1:${at}`];
  const trusting = opened({ pins, ca: cert });
  const strange = opened({ pins });
  expect((await get(trusting, 'https://secure.test/')).status).toBe(200);
  await expect(get(trusting, 'https://other.test/')).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  await expect(get(strange, 'https://secure.test/')).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  trusting.close();
  strange.close();
  secure.close();
  await once(secure, 'close');
});
