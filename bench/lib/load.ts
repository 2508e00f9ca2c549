/** Load on a loopback URL: wrk where it is installed, as it costs the machine least, else autocannon. Bounded in time. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import autocannon from 'autocannon';

export interface Load {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `{n}` in it becomes a number that counts up. */
  readonly body?: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** Answers with status 2xx. */
  readonly perSecond: number;
  readonly failures: number;
  readonly p99Ms: number;
}

export const hasWrk: boolean = spawnSync('wrk', ['-v']).error === undefined;

export const runLoad = (load: Load): Promise<LoadResult> => (hasWrk ? runWrk(load) : runAutocannon(load));

const quote = (text: string): string => `[==[${text}]==]`;

async function runWrk(load: Load): Promise<LoadResult> {
  const script = join(mkdtempSync(join(tmpdir(), 'nexus-wrk-')), 'load.lua');
  const headers = Object.entries(load.headers).map(([name, value]) => `["${name}"]=${quote(value)}`);
  const base = Math.floor(performance.timeOrigin + performance.now());
  writeFileSync(
    script,
    `local n = ${base % 1e9} * 1000
local body = ${load.body === undefined ? 'nil' : quote(load.body)}
local headers = {${headers.join(',')}}
request = function()
  n = n + 1
  local b = body and string.gsub(body, '{n}', tostring(n)) or nil
  return wrk.format('${load.method}', '${load.path}', headers, b)
end
done = function(summary, latency)
  io.write(string.format('RESULT %f %d %f\\n', summary.requests / summary.duration * 1e6,
    summary.errors.status + summary.errors.read + summary.errors.connect + summary.errors.timeout, latency:percentile(99) / 1000))
end`,
  );
  // An answer that is late is a latency, not a failure.
  const args = ['-t1', '--timeout', '60s', `-c${load.connections}`, `-d${load.seconds}s`, '-s', script, load.url];
  const { stdout } = await promisify(execFile)('wrk', args);
  const [perSecond = 0, failures = 0, p99Ms = 0] = /RESULT (\S+) (\S+) (\S+)/.exec(stdout)?.slice(1).map(Number) ?? [];
  return { perSecond, failures, p99Ms };
}

async function runAutocannon(load: Load): Promise<LoadResult> {
  let n = Date.now() % 1e9;
  const result = await autocannon({
    url: load.url,
    connections: load.connections,
    timeout: 60,
    duration: load.seconds,
    requests: [
      {
        method: load.method,
        path: load.path,
        headers: load.headers,
        setupRequest: (request) => ({ ...request, body: load.body?.replaceAll('{n}', String(++n)) }),
      },
    ],
  });
  return {
    perSecond: result['2xx'] / result.duration,
    failures: result.non2xx + result.errors,
    p99Ms: result.latency.p99,
  };
}
