/** What a server says of itself to anybody: health and features. No key is needed, and none is sent. */
import { UnreachableError } from '../../../../client/errors.ts';
import { exitCodeOf } from '../../../base/faults.ts';
import { parseJson } from '../../../base/parse-json.ts';
import type { Command, Scene } from '../command.ts';
import { nodeFetch } from '../node-fetch.ts';
import { show } from '../show.ts';

/** Shows the answer, also that of a server that cannot serve; the exit code is then that of its status. */
async function showStatus(scene: Scene, path: string): Promise<number> {
  const { url } = scene.transport();
  const answer = await nodeFetch(url + path, { method: 'GET', headers: {}, duplex: 'half' }).catch((thrown) => {
    throw new UnreachableError(url, thrown);
  });
  const text = await answer.text();
  try {
    show(scene.terminal, parseJson(text));
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    throw new Error(`what answers at ${url} is no Nexus server: ${text.slice(0, 200)}`);
  }
  return answer.ok ? 0 : exitCodeOf(answer.status);
}

export const statusCommands: readonly Command[] = [
  {
    words: 'health',
    summary: 'Say whether the server is healthy; exit 8 when it cannot serve.',
    args: [],
    options: [{ name: 'detailed', about: 'each of its parts', takes: 'flag' }],
    run: (scene, { options }) => showStatus(scene, options.detailed ? '/health/detailed' : '/health'),
  },
  {
    words: 'features',
    summary: 'Name what the server has switched on.',
    args: [],
    options: [],
    run: (scene) => showStatus(scene, '/api/v2/features'),
  },
];
