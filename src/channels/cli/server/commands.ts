/**
 * Commands that are the server, or look at it from inside. Guarantees: what they do, and the configuration with it, is
 * loaded by who runs one of them, and by no command of a client.
 */
import type { Command } from '../command.ts';
import { DATA, LISTEN } from './options.ts';

export const serverCommands: readonly Command[] = [
  {
    words: 'start',
    summary: 'Run a server with no configuration: prints its address, an admin key and lines to try.',
    args: [],
    options: LISTEN,
    run: async (scene, typed) => (await import('./serving.ts')).runStart(scene, typed),
  },
  {
    words: 'serve',
    summary: 'Run a server as its configuration says.',
    args: [],
    options: [
      ...LISTEN,
      { name: 'init', about: 'make the zones corp and corp-eng and write .nexus-admin-env', takes: 'flag' },
    ],
    run: async (scene, typed) => (await import('./serving.ts')).runServe(scene, typed),
  },
  {
    words: 'worker',
    summary: 'Run jobs of the queue until it is told to stop.',
    args: [],
    options: [
      DATA,
      { name: 'once', about: 'take back lost jobs, run at most one and end', takes: 'flag' },
      { name: 'max-jobs', about: 'end after so many jobs', takes: 'number', least: 1 },
    ],
    run: async (scene, typed) => (await import('./worker.ts')).runUntilStopped(scene, typed),
  },
  {
    words: 'migrate',
    summary: 'Bring the schema of the database up to date.',
    args: [],
    options: [
      DATA,
      { name: 'status', about: 'list migrations, change nothing', takes: 'flag' },
      {
        name: 'check',
        about: 'exit 1 unless nothing is pending and the database is what the migrations make',
        takes: 'flag',
      },
    ],
    run: async (scene, typed) => (await import('./migrate.ts')).runMigrate(scene, typed),
  },
  {
    words: 'dump',
    summary: 'Print all state of the database as lines of JSON: the same state is the same bytes on either engine.',
    args: [],
    options: [
      DATA,
      { name: 'out', about: 'file to write it to', takes: 'text' },
      { name: 'figures', about: 'print its hash, rows and revisions only', takes: 'flag' },
    ],
    run: async (scene, typed) => (await import('./dump.ts')).runDump(scene, typed),
  },
  {
    words: 'config',
    summary: 'Print every setting with its value, source, default and meaning.',
    args: [],
    options: [DATA],
    run: async (scene, typed) => (await import('./settings.ts')).runConfig(scene, typed),
  },
  {
    words: 'doctor',
    summary: 'Say what is truly active: server, key, permissions, database, blobs, clock.',
    args: [],
    options: [],
    run: async (scene) => (await import('./doctor.ts')).doctor(scene),
  },
];
