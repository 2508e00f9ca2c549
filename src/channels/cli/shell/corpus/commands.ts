/** Commands of the corpus whose answers people are shown in their own way; how is loaded when one of them runs. */
import type { Command, Option } from '../../command.ts';
import { altered, loadedCommands } from '../../derived.ts';
import { flag } from '../options.ts';
import { documentText } from './text.ts';

const of = (noun: string, ...verbs: readonly string[]): string[] => verbs.map((verb) => `${noun} ${verb}`);

/** What each module of views has. */
export const INGEST_LINES = of('corpus', 'ingest', 'ingest-status');
export const DOCUMENT_LINES = [...of('document', 'list', 'get', 'atoms'), ...of('graph', 'check', 'query')];
export const ANALYSIS_LINES = of('analysis', 'run', 'get', 'list', 'shadow', 'rhetoric');
export const BRANCH_LINES = [
  ...of('branch', 'evolve', 'evolve-many', 'merge', 'list', 'timeline', 'replay', 'compare', 'graph'),
  ...of('remix', 'compose', 'make', 'list', 'get'),
];
export const GOVERNANCE_LINES = [...of('governance', 'list', 'evaluate'), ...of('seed-text', 'list', 'fetch')];

const list = (name: string, about: string): Option => ({ name, about, takes: 'text', many: true });

const INGEST_OPTIONS: readonly Option[] = [
  list('track', 'full, literary (words, sentences, paragraphs) or glyphic_seed (characters, syllables)'),
  list('level', 'atoms of these alone: glyph-seed, syllable, word, sentence, paragraph'),
  list('modality', 'only files that are text, pdf, image, audio or binary'),
  flag('force', 'again, although nothing changed', 'f'),
  flag('atoms', 'make atoms; --no-atoms makes none'),
];

const ingesting = loadedCommands(INGEST_LINES, async () => (await import('./ingest.ts')).ingestViews).map((command) =>
  command.words === 'corpus ingest'
    ? altered(command, {
        args: ['path…?'],
        get options() {
          return [...INGEST_OPTIONS, ...command.options];
        },
      })
    : command,
);

/** Names that are typed as `token,rhetoric`. */
const NAME_LISTS = new Set(['layers', 'atom-levels']);

const asList = (one: Option): Option => ({
  name: one.name,
  takes: 'text',
  many: true,
  get about() {
    return one.about;
  },
});

const withNames = (command: Command): Command =>
  altered(command, {
    get options() {
      return command.options.map((one) => (NAME_LISTS.has(one.name) ? asList(one) : one));
    },
  });

export const corpusCommands: readonly Command[] = [
  ...ingesting,
  ...loadedCommands(DOCUMENT_LINES, async () => (await import('./documents.ts')).documentViews),
  documentText,
  ...loadedCommands(ANALYSIS_LINES, async () => (await import('./analyses.ts')).analysisViews).map(withNames),
  ...loadedCommands(BRANCH_LINES, async () => (await import('./branches.ts')).branchViews).map(withNames),
  ...loadedCommands(GOVERNANCE_LINES, async () => (await import('./governance.ts')).governanceViews),
];
