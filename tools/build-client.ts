/**
 * Builds the typed client of the published package: `node tools/build-client.ts [FOLDER]` makes `FOLDER/client/index.js`, one
 * module that runs wherever there is `fetch`, and beside it the declarations that its types need, and no others.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const PLACE = join(process.argv[2] ?? join(ROOT, 'dist'), 'client');
const ENTRY = 'client/index';
/** Names of other files of ours, in `from '…'` and `import("…")`. */
const NAMED = /(from |import\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g;

/** The text of a declaration, its imports as a program in JavaScript has them, and what it imports. */
function declaration(folder: string, file: string): { readonly text: string; readonly needs: readonly string[] } {
  const needs: string[] = [];
  const text = readFileSync(join(folder, `${file}.d.ts`), 'utf8').replace(NAMED, (_, how, quote, other) => {
    needs.push(join(dirname(file), other));
    return `${how}${quote}${other}.js${quote}`;
  });
  return { text, needs };
}

function writeDeclarations(): void {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-client-types-'));
  try {
    // Lists of operations name types that no declaration can name, which it fails for; the client needs none of them.
    spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', join(ROOT, 'tools/client-types.json'), '--outDir', folder]);
    const known = new Set([ENTRY]);
    for (const file of known) {
      const { text, needs } = declaration(folder, file);
      const target = join(PLACE, 'types', `${file}.d.ts`);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text);
      for (const need of needs) known.add(need);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

rmSync(PLACE, { recursive: true, force: true });
await build({
  absWorkingDir: ROOT,
  entryPoints: [`${ENTRY}.ts`],
  outfile: join(PLACE, 'index.js'),
  bundle: true,
  platform: 'neutral',
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
});
writeDeclarations();
