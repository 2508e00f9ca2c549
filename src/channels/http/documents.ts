/** `/openapi.json` and `/docs`: made once from the operations and from the routes of doors of their own, open to everybody. */
import type { FastifyInstance } from 'fastify';
import { publicOperations } from '../../core/operations.ts';
import { DOCUMENT, slotOf } from '../../core/rate-slots.ts';
import { docsPage } from './docs-page.ts';
import type { DoorOptions } from './door.ts';
import { DOCUMENT_CALLS } from './open-calls.ts';
import { openApiDocument } from './openapi.ts';
import { watchOwnCalls } from './own-calls.ts';

const optionsOf = (path: keyof typeof DOCUMENT_CALLS) => ({
  config: { open: true, slot: slotOf(DOCUMENT), calls: [DOCUMENT_CALLS[path]] },
});

/** To be added before the doors: it tells of the routes that come behind it. */
export function addDocuments(app: FastifyInstance, door: DoorOptions): void {
  const calls = watchOwnCalls(app);
  // Made when first asked for: a server that nobody asks starts sooner.
  let document: string | undefined;
  let page: string | undefined;
  app.get('/openapi.json', optionsOf('/openapi.json'), async (_request, reply) => {
    document ??= JSON.stringify(openApiDocument(publicOperations, calls, door.version));
    return reply.header('content-type', 'application/json; charset=utf-8').send(document);
  });
  app.get('/docs', optionsOf('/docs'), async (_request, reply) => {
    page ??= docsPage(publicOperations, calls, door.version);
    return reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .send(page);
  });
}
