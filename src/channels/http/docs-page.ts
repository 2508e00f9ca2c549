/** The readable page of the API, generated from the same lists as its document: `/docs`. */
import { FAULTS } from '../../base/faults.ts';
import type { AnyOperation } from '../../core/operation.ts';
import { isNeeded, shapeOf } from '../../core/shape-of.ts';
import { schemaOf } from './json-schema.ts';
import { restPaths, whoText } from './openapi.ts';
import type { RoutedCall } from './own-calls.ts';

const html = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);

/** A page that people read: every operation with its calls, parameters and faults. No script, no request elsewhere. */
export function docsPage(operations: readonly AnyOperation[], own: readonly RoutedCall[], version: string): string {
  const ownOf = Map.groupBy(own, ({ operation }) => operation);
  const section = (operation: AnyOperation): string => sectionOf(operation, ownOf.get(operation) ?? []);
  const groups = Map.groupBy(
    new Set([...operations.filter((one) => one.http || one.rpc), ...own.flatMap(({ operation }) => operation ?? [])]),
    (one) => one.name.split('.')[0] ?? '',
  );
  const nav = [...groups.keys()].map((noun) => `<a href="#${html(noun)}">${html(noun)}</a>`).join('');
  const body = [...groups]
    .map(([noun, own]) => `<h2 id="${html(noun)}">${html(noun)}</h2>${own.map(section).join('')}`)
    .join('');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Nexus API</title><style>${STYLE}</style></head><body><header><h1>Nexus API</h1><p>version ${html(version)} ·
<a href="/openapi.json">openapi.json</a></p><nav>${nav}</nav></header><main>${body}${callTable(ownOf.get(undefined) ?? [])}${faultTable()}</main></body></html>`;
}

const STYLE = `:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 18%,transparent)}
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1.5rem}
h1{margin:0}h2{margin-top:2.5rem;border-bottom:2px solid var(--line)}h3{margin:1.6rem 0 .2rem;font-size:1rem}
code,pre{font:13px/1.5 ui-monospace,monospace}nav a{margin-right:1rem}table{border-collapse:collapse;width:100%;margin:.4rem 0}
td,th{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line)}
.calls code{display:inline-block;margin-right:1rem;padding:.1rem .4rem;border:1px solid var(--line);border-radius:.3rem}
.who{font-size:.85rem;opacity:.75}`;

function sectionOf(operation: AnyOperation, own: readonly RoutedCall[]): string {
  const calls = [
    ...own.map(({ method, path }) => `${method} ${path}`),
    operation.rpc ? `POST /api/nfs/${operation.rpc.name}` : undefined,
    ...restPaths(operation).map((path) => `${operation.http?.method} ${path}`),
    operation.cli ? `nexus ${operation.cli.words}` : undefined,
  ].filter((call) => call !== undefined);
  const rows = Object.entries(shapeOf(operation)).map(([name, schema]) => {
    const {
      type,
      description,
      enum: words,
    } = schemaOf(schema, 'input') as { type?: string; description?: string; enum?: string[] };
    const needed = isNeeded(schema) ? ' (required)' : '';
    return `<tr><td><code>${html(name)}</code>${needed}</td><td>${html(words?.join(' | ') ?? type ?? 'any')}</td><td>${html(description ?? '')}</td></tr>`;
  });
  return `<section><h3>${html(operation.name)}</h3><p>${html(operation.summary)} <span class="who">${operation.effect},
${html(whoText(operation))}${operation.brick ? `, brick ${operation.brick}` : ''}</span></p><p class="calls">${calls.map((call) => `<code>${html(call)}</code>`).join('')}</p>
${rows.length > 0 ? `<table>${rows.join('')}</table>` : ''}
${operation.faults.length > 0 ? `<p class="who">faults: ${operation.faults.map((code) => `<a href="#${code}">${code}</a>`).join(', ')}</p>` : ''}</section>`;
}

/** Calls behind which no single operation stands. */
function callTable(calls: readonly RoutedCall[]): string {
  const rows = calls.map(
    ({ method, path, summary }) =>
      `<tr><td><code>${html(`${method} ${path}`)}</code></td><td>${html(summary)}</td></tr>`,
  );
  return `<h2 id="others">others</h2><table>${rows.join('')}</table>`;
}

function faultTable(): string {
  const rows = Object.entries(FAULTS).map(
    ([code, row]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${row.http}</td><td>${row.rpc === 'http' ? `HTTP, -${row.http}` : row.rpc}</td><td>${row.retry}</td><td>${html(row.when)}</td></tr>`,
  );
  return `<h2 id="faults">faults</h2><table><tr><th>code</th><th>HTTP</th><th>JSON-RPC</th><th>retry</th><th>when</th></tr>${rows.join('')}</table>`;
}
