/** The stores outside that a server may have mounted: which kinds there are, and what it needs to reach them. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Config } from '../config.ts';
import type { BrickBoard } from '../core/brick-board.ts';
import type { Runner } from '../core/transact.ts';
import { localConnector } from '../engines/local/local-connector.ts';
import { openToolServers } from '../engines/mcp/tool-servers.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { s3Connector } from '../engines/s3/s3-connector.ts';
import { keepSetting } from '../features/access/settings.sql.ts';
import { ToolLooks } from '../features/mcp/tool-looks.ts';
import { Outside } from '../features/mounts/outside.ts';
import { sealOf } from '../features/mounts/seal.ts';
import { OpenStores } from '../features/mounts/stores.ts';
import type { Connector } from '../ports/backend.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Sql, Tx } from '../ports/sql.ts';
import { withDetours } from './detours.ts';
import { outboundOf } from './outbound.ts';
import { systemSteps } from './system.ts';

/** What stored secrets are sealed with, the same on all nodes; made by whichever asks first unless it is configured. */
export const keptSecretsKey = (tx: Tx): Promise<string> =>
  keepSetting(tx, 'secrets_key', randomBytes(32).toString('base64url'));

export interface OutsideParts {
  readonly config: Config;
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly log: Log;
  /** Without detours. */
  readonly runner: Runner;
  /** What stored secrets are sealed with. */
  readonly secretsKey: string;
  readonly nodes: () => number;
  /** Kinds of stores beside those that every server has. */
  readonly connectors?: readonly Connector[];
}

export interface OutsideStores {
  readonly stores: OpenStores;
  readonly outside: Outside;
  /** The runner that goes on with calls which need a store. */
  readonly runner: Runner;
  /** Minds from now on which bricks are off: the rows that say so are read by that runner, and nobody is served before. */
  mind(bricks: Bricks): void;
}

type Bricks = Pick<BrickBoard, 'check' | 'isOff'>;

const connectorsOf = ({ config, nodes }: OutsideParts): readonly Connector[] => [
  localConnector({
    roots: config.MOUNT_LOCAL_ROOTS,
    shared: config.MOUNT_LOCAL_SHARED,
    severalNodes: () => nodes() > 1,
    own: resolve(config.DATA_DIR),
  }),
  s3Connector({ outbound: outboundOf(config, 'user') }),
];

export function openOutside(parts: OutsideParts): OutsideStores {
  const { config, sql, blobs, log, runner, secretsKey } = parts;
  let bricks: Bricks | undefined;
  const connectors = [...connectorsOf(parts), ...(parts.connectors ?? [])];
  const seal = sealOf(secretsKey);
  const servers = openToolServers({ outbound: outboundOf(config, 'user'), commands: config.MCP_COMMANDS });
  const stores = new OpenStores({ connectors, seal, tools: new ToolLooks({ servers, seal, limits: config.limits }) });
  const outside = new Outside({
    stores,
    sql,
    blobs,
    clock: systemClock,
    limits: config.limits,
    log,
    step: systemSteps(runner),
    checkOn: () => bricks?.check('mount'),
    isOff: () => bricks?.isOff('mount') ?? false,
  });
  const mind = (known: Bricks): void => {
    bricks = known;
  };
  return { stores, outside, runner: withDetours(runner, () => outside), mind };
}
