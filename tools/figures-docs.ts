/** Writes docs/metrics.md from the tables of metrics and of log lines. `node tools/figures-docs.ts` after a change of them. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LOG_EVENTS, LOG_FIELDS } from '../src/base/log-events.ts';
import { allMetrics } from '../src/core/metric-table.ts';

export const FIGURES_FILE = fileURLToPath(new URL('../docs/metrics.md', import.meta.url));

const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

export function figuresDocument(): string {
  const metrics = Object.entries(allMetrics()).sort(([a], [b]) => (a < b ? -1 : 1));
  return `# Figures, log lines, traces

Made from the source by \`node tools/figures-docs.ts\`.

## Figures

\`GET /metrics\` gives JSON \`{counters, timings, gauges}\` or the Prometheus exposition, as \`?format=json|prometheus\` or \`Accept\` says; \`/metrics/prometheus\` always the latter. Neither takes
credentials or counts against a rate. Figures are of the answering node since its start; what is asked of the database is of all zones, and is left out while the database does not answer within a
second (\`nexus_db_up\` is then 0). What the server does by itself (pruning, the index of the search …) is in no figure of jobs. A timing of the JSON form has count and mean of all samples, and the 95th
percentile of the last 1,024, in milliseconds.

${table(
  ['metric', 'kind', 'labels', 'JSON', 'what'],
  metrics.map(([name, { kind, labels, json, help }]) => [
    `\`${name}\``,
    kind,
    labels.join(', '),
    json ? `\`${json}\`` : '',
    help,
  ]),
)}

\`endpoint\` is the template of a route or the name of a JSON-RPC method, never what a client made up.

## Log lines

One JSON object a line on stderr, from \`NEXUS_LOG_LEVEL\` up. Keys, tokens, secrets, payloads and contents are in none. A move of a job is told once it has committed; of its own jobs the server tells
only what failed.

${table(
  ['event', 'level', 'when'],
  Object.entries(LOG_EVENTS).map(([event, [level, when]]) => [`\`${event}\``, level, when]),
)}

${table(
  ['field', 'what'],
  Object.entries(LOG_FIELDS).map(([field, what]) => [`\`${field}\``, what]),
)}

## Traces

Off until \`NEXUS_OTLP_ENDPOINT\` names a collector: spans then go to it by OTLP over HTTP (\`/v1/traces\` is added where the URL has no path), as service \`NEXUS_APP_NAME\`. A request goes on in the trace
that its \`traceparent\` names (W3C Trace Context), and so does each attempt of a job that it submits, in whatever process. What a call asks of others
carries its trace and the \`tracestate\` that it came with; a job does not keep the latter. A collector that is away costs no request anything: its spans are dropped and
counted, and a stop waits for it two seconds at most.

| span | parent | attributes |
| --- | --- | --- |
| \`<METHOD> <route>\` | that of the caller | http.request.method, http.route, http.response.status_code, nexus.request_id, nexus.zone |
| \`db.transaction\` | the request | db.system.name, nexus.operation, nexus.statements |
| \`job.execute\` | the request that submitted the job | nexus.job.id, nexus.job.type, nexus.job.attempt, nexus.worker, nexus.request_id |
| \`ingest.batch\` | \`job.execute\` | nexus.files |
| \`ingest.document\` | \`job.execute\` | nexus.modality, nexus.atoms |
| \`plugin.run\` | the analysis | nexus.plugin, nexus.layer, nexus.outcome |

A span that failed has the status error and the code of its fault.
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FIGURES_FILE, figuresDocument());
