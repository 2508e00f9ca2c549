/**
 * A collector of traces for tests: takes what OTLP over HTTP sends as JSON, and decodes it by the published schema
 * (opentelemetry-proto 1.x, trace.proto). Guarantees: a field that the schema does not have is refused.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const anyValue = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ intValue: z.union([z.number(), z.string()]) }),
  z.strictObject({ doubleValue: z.number() }),
  z.strictObject({ boolValue: z.boolean() }),
]);
const keyValues = z.array(z.strictObject({ key: z.string(), value: anyValue }));
const nanos = z.string().regex(/^\d{19}$/);
const status = z.strictObject({ code: z.int().min(0).max(2).optional(), message: z.string().optional() });
const span = z.strictObject({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  traceState: z.string().optional(),
  flags: z.int().optional(),
  name: z.string(),
  kind: z.int().min(0).max(5),
  startTimeUnixNano: nanos,
  endTimeUnixNano: nanos,
  attributes: keyValues,
  droppedAttributesCount: z.int(),
  events: z.array(z.unknown()),
  droppedEventsCount: z.int(),
  links: z.array(z.unknown()),
  droppedLinksCount: z.int(),
  status,
});
const scope = z.strictObject({ name: z.string(), version: z.string().optional() });
const request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: keyValues, droppedAttributesCount: z.int() }),
      scopeSpans: z.array(z.strictObject({ scope, spans: z.array(span), schemaUrl: z.string().optional() })),
      schemaUrl: z.string().optional(),
    }),
  ),
});

export interface Span extends Omit<z.infer<typeof span>, 'attributes'> {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly service: unknown;
}

export interface Collector {
  readonly url: string;
  /** Paths that were posted to. */
  readonly paths: ReadonlySet<string>;
  readonly spans: readonly Span[];
  /** Answers with this status from now on; 0 answers nothing at all. */
  answerWith(status: number): void;
  stop(): Promise<void>;
}

const valuesOf = (pairs: z.infer<typeof keyValues>): Record<string, unknown> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));

export async function startCollector(): Promise<Collector> {
  const spans: Span[] = [];
  const paths = new Set<string>();
  let answer = 200;
  const take = (body: string): void => {
    for (const { resource, scopeSpans } of request.parse(JSON.parse(body)).resourceSpans) {
      const service = valuesOf(resource.attributes)['service.name'];
      for (const one of scopeSpans.flatMap(({ spans: those }) => those)) {
        spans.push({ ...one, attributes: valuesOf(one.attributes), service });
      }
    }
  };
  const server = createServer((message, response) => {
    const pieces: Buffer[] = [];
    message.on('data', (piece: Buffer) => pieces.push(piece));
    message.on('end', () => {
      paths.add(message.url ?? '');
      if (answer === 0) return;
      if (answer === 200) take(Buffer.concat(pieces).toString());
      response.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    spans,
    answerWith: (code) => {
      answer = code;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
