/** The HTTP server: every door in its frame. */
import type { FastifyInstance } from 'fastify';
import { publicOperations } from '../../core/operations.ts';
import { accountingOf } from './accounting.ts';
import { addContents } from './contents.ts';
import { addCors } from './cors.ts';
import { addDocuments } from './documents.ts';
import type { DoorOptions } from './door.ts';
import { addFileBytes } from './file-bytes.ts';
import { letIn, openFrame } from './frame.ts';
import { addMcp } from './mcp/mcp.ts';
import { addOpenRoutes } from './open-routes.ts';
import { addDeepRest, addRest } from './rest.ts';
import { addRpc } from './rpc.ts';
import { addTus, nameTusVersion } from './tus/tus.ts';

export function buildHttp(door: DoorOptions): FastifyInstance {
  const app = openFrame(door, accountingOf(door));
  nameTusVersion(app);
  addCors(app, door.corsOrigins);
  app.addHook('preClose', (done) => {
    door.server.streams.stop();
    done();
  });
  const arrive = letIn(app, door);
  addDocuments(app, door);
  addOpenRoutes(app, door);
  addRpc(app, door, arrive);
  addMcp(app, door, arrive);
  addTus(app, door, arrive);
  addRest(app, door, { operations: publicOperations, arrive });
  addDeepRest(app, door, { operations: publicOperations, arrive });
  addFileBytes(app, door, arrive);
  addContents(app, door, arrive);
  return app;
}
