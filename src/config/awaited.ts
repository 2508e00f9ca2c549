/**
 * Settings of features that this version does not have (infrastructure.md §13). Guarantees: each has the default and takes the values that
 * it will have with its feature, so that a file that is right stays right; each says what it waits for.
 */
import { isIP } from 'node:net';
import { totalmem } from 'node:os';
import { isNetwork, type Key, list, listOf, oneOf, optional, whole, yesNo } from './kinds.ts';

const waitingFor =
  (awaits: string) =>
  <T>(key: Key<T>): Key<T> => ({ ...key, awaits, about: `${key.about}; without effect, waits for ${awaits}` });

export const waitingForWorkflows = waitingFor('workflows');
const sandboxes = waitingFor('sandboxes');
const mail = waitingFor('mail');

interface Issuer {
  readonly issuer: string;
  readonly audience: string;
}

function isIssuer(item: unknown): item is Issuer {
  const { issuer, audience, ...more } = Object(item) as Record<string, unknown>;
  const isUrl = typeof issuer === 'string' && /^https?:\/\//i.test(issuer) && URL.canParse(issuer);
  return isUrl && typeof audience === 'string' && audience !== '' && Object.keys(more).length === 0;
}

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const DOMAIN = new RegExp(`^(?=.{1,253}$)${LABEL}(\\.${LABEL})*$`, 'i');
const isDomain = (item: unknown): item is string => typeof item === 'string' && DOMAIN.test(item);
const isAddress = (item: unknown): item is string => typeof item === 'string' && isIP(item) !== 0;

/** Ids of users are numbers of 32 bits; that of root is none to give away, and the last one means no user. */
const USER_MAX = 0xffff_fffe;
const userIds = (about: string, value: string): Key<string> => ({
  default: value,
  about,
  parse: (given) => {
    const [from, to] = (/^(\d{1,10})-(\d{1,10})$/.exec(given) ?? []).slice(1).map(Number);
    if (from !== undefined && to !== undefined && from >= 1 && from <= to && to <= USER_MAX) return given;
    throw new Error(`a range of user ids: first-last, from 1 to ${USER_MAX}`);
  },
});

const subnet = (about: string, value: string): Key<string> => ({
  default: value,
  about,
  parse: (given) => {
    if (isNetwork(given) && /^[\d.]+\/\d+$/.test(given)) return given;
    throw new Error('an IPv4 block: address/bits');
  },
});

const LEAST_MIB = 96;
const halfOfMemory = (): string => String(Math.max(LEAST_MIB, Math.floor(totalmem() / 2 ** 21)));

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const providerUrl = (name: string, value: string): Key<string> =>
  sandboxes({
    default: value,
    about: `where assets of the provider ${name} come from`,
    parse: (given) => {
      const { protocol, hostname = '', host } = URL.parse(given) ?? {};
      if (given === '' || (protocol === 'https:' && hostname !== '')) return given;
      if ((protocol === 'http:' && LOOPBACK.test(hostname)) || (protocol === 'file:' && host === '')) return given;
      throw new Error('a URL that begins with https://, http:// to this machine, or file:///');
    },
  });

const MIB = 1_024 * 1_024;

/** Limits of sandboxes (sandboxes.md §18), with the unit at the end of the name. */
const SANDBOX_LIMITS = {
  BOOT_SECONDS: [20, 'how long a start waits for the guest agent'],
  PING_SECONDS: [5, 'how long an answer of the guest agent is waited for'],
  BUILD_SECONDS: [600, 'how long the build of an image may take'],
  STREAMS: [64, 'streams of a sandbox'],
  PROCESSES: [32, 'processes of a sandbox'],
  EXEC_OUTPUT_BYTES: [MIB, 'what is kept of a stream of output'],
  STDIN_BYTES: [16 * MIB, 'standard input of a process'],
  ARGV_BYTES: [128 * 1_024, 'arguments of a process'],
  ENV_BYTES: [64 * 1_024, 'environment of a process'],
  FILE_BYTES: [10_240 * MIB, 'a file of a sandbox'],
  LIST_ENTRIES: [10_000, 'entries of a page of a list'],
  WATCHES: [16, 'watched paths of a sandbox'],
  VCPUS: [8, 'processors of a sandbox'],
  MEMORY_MIB: [65_536, 'memory of a sandbox'],
  DISK_MIB: [1_048_576, 'disk of a sandbox'],
  PORTS: [16, 'open ports of a sandbox'],
  DRIVES: [8, 'drives of a sandbox'],
  FORKS: [20, 'forks that are made at a time'],
  TAGS: [32, 'tags of a sandbox'],
  METADATA_BYTES: [16 * 1_024, 'metadata of a sandbox'],
  CONSOLE_BYTES: [MIB, 'what is kept of a console'],
  BUILD_LOG_BYTES: [4 * MIB, 'what is kept of the log of a build'],
} as const satisfies Record<string, readonly [number, string]>;

const SANDBOX_LIMIT_KEYS = Object.fromEntries(
  Object.entries(SANDBOX_LIMITS).map(([name, [most, about]]) => [
    `LIMIT_SANDBOX_${name}`,
    sandboxes(whole(about, most, [1, Number.MAX_SAFE_INTEGER])),
  ]),
) as Readonly<Record<`LIMIT_SANDBOX_${keyof typeof SANDBOX_LIMITS}`, Key<number>>>;

export const AWAITED_KEYS = {
  OIDC_ISSUERS: waitingFor('tokens of foreign issuers')(
    listOf('issuers whose tokens are taken: {issuer, audience}', isIssuer, '{"issuer": URL, "audience": text}'),
  ),
  MULTI_TENANT: waitingFor('tenants')(yesNo('tenants can be made', true)),
  EXECUTION_RETENTION_DAYS: waitingForWorkflows(whole('how long executions are kept', 30, [1, 36_500])),
  WORKFLOWS_DIR: waitingForWorkflows(optional("directory of the operator's own workflows")),
  STARTERS: waitingForWorkflows(oneOf('workflows that the first start makes', [['on', 'off']], 'on')),
  MAIL_LOCAL_DOMAINS: mail({
    ...list('domains whose mail is delivered to files of the zone', isDomain, 'domains'),
    default: '["nexus.local"]',
  }),
  WEBHOOK_HTTP_ENABLED: waitingFor('webhooks')(yesNo('webhooks may listen without TLS', false)),
  LDAP_PLAIN_ENABLED: waitingFor('directory login')(yesNo('a directory may be asked without TLS', false)),
  OAUTH_REGISTRATION_ENABLED: waitingFor('OAuth')(yesNo('clients may register themselves', false)),
  SANDBOX_DRIVER: sandboxes(oneOf('what runs sandboxes', [['auto', 'firecracker', 'qemu', 'off']], 'auto')),
  SANDBOX_ISOLATION: sandboxes(oneOf('how sandboxes are kept apart', [['auto', 'user', 'strict']], 'auto')),
  SANDBOX_UIDS: sandboxes(userIds('user ids of the host that sandboxes run as, first-last', '200000-265535')),
  SANDBOX_MEMORY_MIB: sandboxes({
    ...whole('memory of all sandboxes', LEAST_MIB, [LEAST_MIB, Number.MAX_SAFE_INTEGER]),
    default: 'half of the memory of the machine',
    defaultFor: halfOfMemory,
  }),
  SANDBOX_SUBNET: sandboxes(subnet('IPv4 addresses of sandboxes', '172.30.0.0/16')),
  SANDBOX_DNS: sandboxes({
    ...list('resolvers of sandboxes; unless set those of the host', isAddress, 'addresses'),
    default: '',
    parse: (given) => (given === '' ? [] : list('', isAddress, 'addresses').parse(given)),
  }),
  SANDBOX_DOMAIN: sandboxes(
    optional('domain below which ports of sandboxes have names', {
      parse: (given) => {
        if (given === '' || isDomain(given)) return given;
        throw new Error('a domain');
      },
    }),
  ),
  SANDBOX_PUBLIC_PORTS: sandboxes(yesNo('ports of sandboxes may be open to everybody', false)),
  SANDBOX_ON_STOP: sandboxes(oneOf('what a stop does to sandboxes', [['stop', 'keep']], 'stop')),
  SANDBOX_SIGNATURES: sandboxes(oneOf('what signatures of assets have to be', [['verify', 'require']], 'verify')),
  SANDBOX_ANVIL_URL: providerUrl('anvil', 'https://github.com'),
  SANDBOX_ALPINE_URL: providerUrl('alpine', 'https://dl-cdn.alpinelinux.org'),
  SANDBOX_FIRECRACKER_URL: providerUrl('firecracker', 'https://github.com'),
  SANDBOX_MIRROR_URL: providerUrl('mirror', ''),
  ...SANDBOX_LIMIT_KEYS,
} as const satisfies Record<string, Key<unknown>>;
