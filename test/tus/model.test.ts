/** Random sequences of requests agree with a list of bytes: status, offset, length, and the file at the end. */
import { createHash, randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../harness.ts';
import { base64, someBytes, type TusClient } from './client.ts';
import { tusOf } from './ours.ts';

/** An upload as it has to be. */
interface Model {
  readonly url: string;
  readonly path: string;
  bytes: Buffer;
  length: number | undefined;
  gone: boolean;
}

const STEPS = 150;
const SIZES = [0, 1, 100, 65_536, 65_537, 200_000];
const any = <T>(list: readonly T[]): T => list[randomInt(0, list.length)] as T;

forEachEngine('uploads by a model', (engine) => {
  let server: TestServer;
  let client: TusClient;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_LIMIT_UPLOADS_PER_CALLER: '1000' } });
    client = tusOf(server);
  });
  afterAll(() => server.stop());

  const isWhole = ({ bytes, length }: Model): boolean => bytes.length === length;

  async function begin(n: number): Promise<Model> {
    const length = randomInt(0, 3) === 0 ? undefined : any(SIZES) + any(SIZES);
    const path = `/model/${n}`;
    const size: Record<string, string> =
      length === undefined ? { 'upload-defer-length': '1' } : { 'upload-length': String(length) };
    const made = await client.create({ ...size, 'upload-metadata': `path ${base64(path)}` });
    expect(made.status).toBe(201);
    return { url: made.headers.location ?? '', path, bytes: Buffer.alloc(0), length, gone: false };
  }

  /** What a PATCH has to be answered, by the rules of the contract. */
  function expected(
    model: Model,
    patch: { offset: number; size: number; length: number | undefined; good: boolean },
  ): number {
    const { offset, size, length, good } = patch;
    if (model.gone) return size > 65_536 || good ? 410 : 460;
    if (!good && size <= 65_536) return 460;
    if (offset !== model.bytes.length) return 409;
    if (length !== undefined && model.length !== undefined && length !== model.length) return 400;
    if (length !== undefined && length < model.bytes.length) return 400;
    if (offset + size > (length ?? model.length ?? Number.POSITIVE_INFINITY)) return 413;
    return good ? 204 : 460;
  }

  async function patch(model: Model): Promise<void> {
    const left = (model.length ?? 300_000) - model.bytes.length;
    const size = randomInt(0, 3) === 0 ? any(SIZES) : Math.max(0, randomInt(0, 2) ? left : Math.floor(left / 2));
    const offset = randomInt(0, 8) === 0 ? any(SIZES) : model.bytes.length;
    const later = model.length === undefined && randomInt(0, 2) === 0;
    const length = later || randomInt(0, 12) === 0 ? model.bytes.length + any([0, size, size + 7]) : undefined;
    const good = randomInt(0, 6) !== 0;
    const body = someBytes(size);
    const digest = createHash('sha1')
      .update(good ? body : someBytes(1))
      .digest('base64');
    const checked: Record<string, string> = !good || randomInt(0, 2) ? { 'upload-checksum': `sha1 ${digest}` } : {};
    const told: Record<string, string> = length === undefined ? {} : { 'upload-length': String(length) };
    const status = expected(model, { offset, size, length, good });
    const answer = await client.patch(model.url, { offset, body, headers: { ...checked, ...told } });
    expect(
      answer.status,
      `${JSON.stringify({ offset, size, length, good, model: { ...model, bytes: model.bytes.length } })} ${answer.body}`,
    ).toBe(status);
    // A length that came with bytes that were refused may have been set; HEAD tells.
    if (status !== 204) return;
    model.bytes = Buffer.concat([model.bytes, body]);
    model.length ??= length;
  }

  async function look(model: Model): Promise<void> {
    const { status, headers } = await client.head(model.url);
    expect(status).toBe(model.gone ? 410 : 200);
    if (model.gone) return;
    expect(headers['upload-offset']).toBe(String(model.bytes.length));
    if (model.length === undefined && headers['upload-length'] !== undefined)
      model.length = Number(headers['upload-length']);
    expect(headers['upload-length']).toBe(model.length === undefined ? undefined : String(model.length));
  }

  test(`${STEPS} requests`, async () => {
    const models: Model[] = [await begin(0)];
    for (let step = 1; step < STEPS; step++) {
      const model = any(models);
      const what = randomInt(0, 20);
      if (what < 4) models.push(await begin(step));
      else if (what < 5) {
        expect((await client.send({ method: 'DELETE', url: model.url })).status).toBe(model.gone ? 410 : 204);
        model.gone = true;
      } else await patch(model);
      await look(model);
    }
    for (const model of models) {
      const answer = await server.http(`/api/v2/files${model.path}`);
      expect(answer.status, model.path).toBe(isWhole(model) ? 200 : 404);
      if (!isWhole(model)) continue;
      expect(Buffer.from(await answer.arrayBuffer()).equals(model.bytes)).toBe(true);
      expect(answer.headers.get('etag')).toBe(`"${createHash('sha256').update(model.bytes).digest('hex')}"`);
    }
  });
});
