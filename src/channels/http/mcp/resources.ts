/** Files as resources `nexus://files/<path>` (workflows.md §8): those of the root are listed, every one can be read. */
import { Fault } from '../../../base/faults.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { getTool } from '../../../core/tools.ts';
import { answerOf, type Scene } from './tool-call.ts';

const ROOT = 'nexus://files';

export const FILES = {
  name: 'files',
  title: 'Files',
  uriTemplate: `${ROOT}/{+path}`,
  description: 'A file of the zone by its path',
};

interface Listed {
  readonly files: readonly { readonly path: string; readonly size: number; readonly is_directory: boolean }[];
  readonly next_cursor: string | null;
}

export async function listFiles(scene: Scene, cursor: string | undefined) {
  const args = { path: '/', recursive: false, details: true, ...(cursor === undefined ? {} : { cursor }) };
  const { files, next_cursor } = parseJson<Listed>(await answerOf(scene, getTool('list_files'), args));
  const resources = files
    .filter(({ is_directory }) => !is_directory)
    .map(({ path, size }) => ({ uri: uriOf(path), name: path.slice(path.lastIndexOf('/') + 1), size }));
  return { resources, ...(next_cursor === null ? {} : { nextCursor: next_cursor }) };
}

const uriOf = (path: string): string => ROOT + path.split('/').map(encodeURIComponent).join('/');

/** As text where it is one, else as bytes. */
export async function readFile(scene: Scene, uri: string) {
  const path = pathIn(uri);
  const read = async (encoding: string): Promise<unknown> =>
    parseJson(await answerOf(scene, getTool('read_file'), { path, encoding }));
  const text = await read('utf-8').catch((thrown: unknown) => {
    if (thrown instanceof Fault && thrown.code === 'NOT_TEXT') return undefined;
    throw thrown;
  });
  if (typeof text === 'string') return { contents: [{ uri, text }] };
  const { data } = (await read('base64')) as { readonly data: string };
  return { contents: [{ uri, blob: data }] };
}

function pathIn(uri: string): string {
  if (!uri.startsWith(`${ROOT}/`))
    throw new Fault('NOT_FOUND', `${uri} is no resource; files are ${ROOT}/<path>`, { uri });
  try {
    return decodeURIComponent(uri.slice(ROOT.length));
  } catch {
    throw new Fault('INVALID_PARAMS', `${uri} is not percent-encoded UTF-8`, { uri });
  }
}
