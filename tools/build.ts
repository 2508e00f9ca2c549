/**
 * Builds the published package: the command and the worker threads as bundles in `dist/`, split so that a command loads
 * only what it uses (a client command never loads the server, nor a schema). All dependencies are inside; their licences stand in
 * `dist/licenses.txt`. The source needs to know nothing of it: what `import.meta` says, and so every path a file builds
 * from its own place (`migrations/`, `package.json`), is the same from the bundle.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { operationLines, type Parameter } from '../src/channels/cli/operation-lines.ts';

const ROOT = join(import.meta.dirname, '..');
/** Where the bundles go: `node tools/build.ts [FOLDER]`. Beside the folder there have to be `migrations/` and `package.json`. */
const DIST = process.argv[2] ?? join(ROOT, 'dist');

/** CommonJS packages call `require` for Node's own modules; an ES module has none unless it makes one. */
const HEAD = `import { createRequire as $createRequire } from 'node:module';
import { fileURLToPath as $fileURLToPath } from 'node:url';
const require = $createRequire(import.meta.url);`;

const PLACE = /new URL\('[./]*\/([\w-]*thread)\.ts', import\.meta\.url\)|\bimport\.meta\.(url|filename|dirname)\b/g;

/** Bundles lie one folder below the root, so `../src/…` is where a file would be, had it been published. */
function placeOf(path: string, thread: string | undefined, field: string | undefined): string {
  const target = relative(ROOT, field === 'dirname' ? dirname(path) : path);
  const url = `new URL('../${target}', import.meta.url)`;
  if (thread !== undefined) return `new URL('./${thread}.js', import.meta.url)`;
  return field === 'url' ? `${url}.href` : `$fileURLToPath(${url})`;
}

const keepPlaces: Plugin = {
  name: 'keep places',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(PLACE, (_, thread?: string, field?: string) =>
        placeOf(path, thread, field),
      ),
      loader: 'ts',
    }));
  },
};

/** What the command line says of operations and their parameters: read by help, completion and nothing else. */
const TEXTS = 'command-texts.json';

/**
 * Lists instead of objects, without the names of fields and without what is empty, and each parameter once, however many
 * operations have it: every command loads all of them. Texts are numbers of lines of a file beside.
 */
function linesAsData(texts: string[]): string {
  const numberIn = (all: string[], one: string): number => (all.includes(one) ? all.indexOf(one) : all.push(one) - 1);
  const known: string[] = [];
  const numberOf = ({ name, about, takes, words, or, group }: Parameter): number => {
    const few = [words ? numberIn(texts, words.join(' ')) : 0, or ?? 0, group ?? 0];
    while (few.at(-1) === 0) few.pop();
    return numberIn(known, JSON.stringify([name, takes, numberIn(texts, about), ...few]));
  };
  const rows = operationLines.map(({ words, summary, args, parameters, rpc, http }) => [
    [words, numberIn(texts, summary), args, rpc ?? 0, http?.method, http?.path],
    parameters.map(numberOf),
  ]);
  return `import { readFileSync } from 'node:fs';
    let texts;
    const text = (n) => (texts ??= JSON.parse(readFileSync(new URL('./${TEXTS}', import.meta.url), 'utf8')))[n];
    const rows = ${JSON.stringify(rows)};
    const known = [${known.join()}].map(([name, takes, about, words, or, group]) => ({
      name, takes, get about() { return text(about); },
      get words() { return words ? text(words).split(' ') : undefined; },
      ...(or ? { or } : {}), ...(group ? { group } : {}),
    }));
    export const operationLines = rows.map(([[words, summary, args, rpc, method, path], parameters]) => ({
      words, get summary() { return text(summary); }, args,
      ...(rpc ? { rpc } : {}), ...(method ? { http: { method, path } } : {}),
      parameters: parameters.map((n) => known[n]),
    }));`;
}

/** The command line knows the operations as data, made here once, so that it loads no schema (operation-lines.ts). */
const dataOfOperations: Plugin = {
  name: 'data of operations',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/channels\/cli\/operation-lines\.ts$/ }, () => {
      const texts: string[] = [];
      const contents = linesAsData(texts);
      mkdirSync(DIST, { recursive: true });
      writeFileSync(join(DIST, TEXTS), JSON.stringify(texts));
      return { contents };
    });
  },
};

/** zod brings its messages in some fifty languages; ours are English, and every thread would hold them all. */
const oneLanguage: Plugin = {
  name: 'one language',
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/**
 * Schemas without a rule of their own are one each, and so is what may be null or missing of them: no schema ever changes, the
 * features have some two thousand such, and two threads hold them all.
 */
const oneOfAKind: Plugin = {
  name: 'one of a kind',
  setup({ onLoad }) {
    const kinds = ['string', 'number', 'boolean', 'int', 'unknown', 'any'].map((name) => ({
      name,
      // A rule is what it is called with.
      as: (make: string) => `(rule) { return rule === undefined ? (one.${name} ??= ${make}()) : ${make}(rule); }`,
    }));
    const wrappers = ['optional', 'nullable'].map((name) => ({
      name,
      as: (make: string) => `(of) { return (of.$${name} ??= ${make}(of)); }`,
    }));
    onLoad({ filter: /\/zod\/v4\/classic\/schemas\.js$/ }, ({ path }) => {
      let contents = `const one = {};\n${readFileSync(path, 'utf8')}`;
      for (const { name, as } of [...kinds, ...wrappers]) {
        const head = `export function ${name}(`;
        if (!contents.includes(head)) throw new Error(`zod makes no ${name}`);
        contents = contents.replace(head, `export function ${name}${as(`make_${name}`)}\nfunction make_${name}(`);
      }
      return { contents };
    });
  },
};

/** No route has a schema for Fastify (channels/http/frame.ts), so what it would compile them with is never loaded. */
const noCompilers: Plugin = {
  name: 'no compilers of schemas',
  setup({ onLoad }) {
    onLoad({ filter: /\/@fastify\/(ajv|fast-json-stringify)-compiler\/.*\.js$/ }, () => ({
      contents: "throw new Error('the package has no compiler of schemas');",
    }));
  },
};

/** Names of characters are asked for; those of sequences of them are as many again. */
const singleCharacters: Plugin = {
  name: 'single characters',
  setup({ onLoad }) {
    onLoad({ filter: /\/unicode-name\/src\/sequence_name\.js$/ }, () => ({ contents: 'export default {};' }));
  },
};

/** Modules of Node that packages ask for when they are loaded, and that most servers never use: 10 MB. */
const lateModules: Plugin = {
  name: 'late modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?(https|http2|tls)$/ }, ({ kind, path }) =>
      kind === 'require-call' ? { path: path.replace('node:', ''), namespace: 'late' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      contents: `module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule('node:${path}')[name] });`,
    }));
  },
};

/**
 * Packages with large tables that most servers do not ask anything for a while, loaded with the first question; and what
 * packages load of others for what we never ask them: Fastify compares the versions of its plugins, which lie beside it here,
 * and prom-client looks for the span of an exemplar. Each is held by every thread, or has a MiB of its own.
 */
const LATE: Readonly<Record<string, string>> = {
  'mime-types': `let loaded;
    export const lookup = (name) => (loaded ??= require('mime-types')).lookup(name);`,
  re2js: `let loaded;
    const late = (name) => new Proxy(() => undefined, { get: (_, key) => (loaded ??= require('re2js'))[name][key] });
    export const RE2JS = late('RE2JS');
    export const RE2JSSyntaxException = late('RE2JSSyntaxException');`,
};
const UNASKED: Readonly<Record<string, string>> = {
  semver: 'module.exports = { satisfies: () => true, gt: () => false, coerce: (version) => version };',
  '@opentelemetry/api': `module.exports = {
    trace: { getSpan: () => undefined }, context: { active: () => undefined },
  };`,
};

const latePackages: Plugin = {
  name: 'late packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(mime-types|re2js)$/ }, ({ kind, path }) =>
      kind === 'import-statement' ? { path, namespace: 'late-package' } : undefined,
    );
    onResolve({ filter: /^(semver|@opentelemetry\/api)$/ }, ({ path, importer }) =>
      /node_modules\/(fastify|prom-client)\//.test(importer) ? { path, namespace: 'unasked' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'late-package' }, ({ path }) => ({ contents: LATE[path], resolveDir: ROOT }));
    onLoad({ filter: /.*/, namespace: 'unasked' }, ({ path }) => ({ contents: UNASKED[path] }));
  },
};

/** The bundled packages, each with its licence text. */
function licences({ inputs }: Metafile): string {
  const folders = Object.keys(inputs).map((path) => path.match(/^.*node_modules\/(@[^/]+\/)?[^/]+(?=\/)/)?.[0]);
  const packages = [...new Set(folders)].filter((folder) => folder !== undefined).sort();
  return packages.map((folder) => licence(join(ROOT, folder))).join(`\n${'-'.repeat(80)}\n\n`);
}

function licence(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = globSync('{LICENSE,LICENCE,COPYING,license}*', { cwd: folder })[0];
  const text = file ? readFileSync(join(folder, file), 'utf8') : '';
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

/** Most parts ask for nothing that the head gives, and each command reads some thirty parts. */
function withoutIdleHead(part: string): void {
  const text = readFileSync(part, 'utf8');
  const body = text.slice(HEAD.length + 1);
  if (text.startsWith(HEAD) && !/\$fileURLToPath|\brequire\b/.test(body)) writeFileSync(part, body);
}

rmSync(DIST, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: {
    nexus: 'src/channels/cli/main.ts',
    thread: 'src/thread.ts',
    'compute-thread': 'src/compute-thread.ts',
    'checkpoint-thread': 'src/engines/sqlite/checkpoint-thread.ts',
  },
  outdir: DIST,
  chunkNames: 'part-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  // pg loads it only when asked for the native client.
  external: ['pg-native'],
  legalComments: 'none',
  // A third less to read and to compile at each start; names stay, and lines short, so that a stack of calls tells something.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 120,
  banner: { js: HEAD },
  plugins: [
    dataOfOperations,
    keepPlaces,
    oneLanguage,
    oneOfAKind,
    noCompilers,
    singleCharacters,
    lateModules,
    latePackages,
  ],
  metafile: true,
  logLevel: 'warning',
});
writeFileSync(join(DIST, 'licenses.txt'), licences(metafile));
for (const path of Object.keys(metafile.outputs)) withoutIdleHead(join(ROOT, path));
