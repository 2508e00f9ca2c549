/** The local connector: the port's suite, and what is its own: links, devices, odd names, roots, syncs. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { backendContract } from '../../ports/backend.contract.ts';
import { localConnector } from './local-connector.ts';

const signal = new AbortController().signal;
const freshFolder = async (): Promise<string> => realpath(await mkdtemp(join(tmpdir(), 'local-')));

const connectorOf = (roots: readonly string[]): ReturnType<typeof localConnector> =>
  localConnector({ roots, own: '/nowhere', shared: false, severalNodes: () => false });

backendContract('local', {
  capabilities: connectorOf([]).capabilities,
  newPlace: async () => {
    const folder = await freshFolder();
    const root = join(folder, 'root');
    return {
      open: async () => (await connectorOf([folder]).open({ root_path: root }, signal)).backend,
      put: async (path, text) => {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text);
      },
      take: (path) => rm(join(root, path)),
      litter: async () => {
        await symlink('/etc/passwd', join(root, 'out'));
        await symlink('../../..', join(root, 'up'));
        await symlink('nowhere', join(root, 'dangling'));
        await symlink('.', join(root, 'circle'));
        execFileSync('mkfifo', [join(root, 'pipe')]);
        await writeFile(join(root, 'line\nbreak'), 'x');
        await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'x');
        return 7;
      },
      remove: () => rm(folder, { recursive: true }),
    };
  },
});
