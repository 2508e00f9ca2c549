/**
 * What to do about what the corpus refuses: the nearest of the names that it says it knows, the command that lists what was
 * not found, where files have to lie.
 */
import { NexusError } from '../../../../../client/errors.ts';
import type { EventName } from '../../../../features/corpus/branches/events/apply.ts';
import type { Command } from '../../command.ts';
import { altered } from '../../derived.ts';
import { explain } from '../../explain.ts';
import { nearestOf } from '../../parse-line.ts';

const TO_ZONE =
  'a file of yours gets into the zone by: nexus put FILE /corpus/, then: nexus corpus ingest nexus:///corpus/';
/** Of files that are not there. */
export const WHERE_PATHS_ARE = `paths are those below the corpus folder of the server, nexus:///path of files of the zone; ${TO_ZONE}`;
export const HOW_TO_MEND = 'take the conflict marks out of the file and ingest it again; until then it has no atoms';

/** By how the message begins. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/lacks required permission/, 'nexus whoami tells your role; an admin makes keys with another: nexus key create'],
  [/is not allowed to execute mode/, 'nexus whoami tells the modes that your key allows'],
  [
    /^corpus_root is missing/,
    `only zone root has a corpus folder, where NEXUS_CORPUS_ROOT of the server says; files of the zone need none: ${TO_ZONE}`,
  ],
  [/^Path escapes corpus_root/, WHERE_PATHS_ARE],
  [/^Not a path of this zone/, 'three slashes, and a path as nexus ls shows it: nexus:///a/b.md'],
  [/^(source |target )?[Dd]ocument .*not found$/, 'nexus document list shows those that you may see'],
  [/^(source |target )?[Bb]ranch .*not found$/, 'nexus branch list shows those that you may see'],
  [/^Analysis run .*not found$/, 'nexus analysis list shows those that you may see'],
  [/^Analysis run .* has no shadow$/, 'nexus analysis run DOCUMENT_ID --execution-mode shadow makes one'],
  [/^Remix artifact .*not found$/, 'nexus remix list shows those that you may see'],
  [/^Ingest job .*not found$/, 'nexus job list --job-type ingest_batch shows those that are kept'],
  [/is conflicted/, HOW_TO_MEND],
  [/^Unknown seed text/, 'nexus seed-text list shows the titles'],
  [
    /^root_document_id is required/,
    'say what it begins with: --root-document-id DOCUMENT_ID, or --parent-branch-id BRANCH_ID',
  ],
  [/^Either document_id or branch_id/, 'nexus analysis run DOCUMENT_ID, or --branch-id BRANCH_ID'],
  [/^Async jobs are disabled/, 'NEXUS_ASYNC_JOBS_ENABLED of the server; without --execution-mode it is done at once'],
];

const EVENT_TYPES = Object.keys({
  natural_drift: true,
  synthetic_mutation: true,
  phase_shift: true,
  glyph_fusion: true,
  reverse_drift: true,
  remix: true,
  merge: true,
} satisfies Record<EventName, true>);

const quotedIn = (text: string, quotes: RegExp): string[] => [...text.matchAll(quotes)].map(([, name = '']) => name);

interface Names {
  readonly given: readonly string[];
  readonly known: readonly string[];
}

/** Names that were given, and those that would have done, where a refusal tells both. */
function namesIn({ message, data }: NexusError): Names | undefined {
  const event = /Unsupported event_type: (.+)$/.exec(message)?.[1];
  if (event !== undefined) return { given: [event], known: EVENT_TYPES };
  const unknown = /Unknown \w+: \[(.*?)\]\. Known \w+: (.*)$/.exec(message);
  if (unknown) {
    const [, given = '', known = ''] = unknown;
    return {
      given: quotedIn(given, /'([^']*)'/g),
      known: known.split(',').map((name) => name.replace(/[[\]' ]/g, '')),
    };
  }
  const [issue] = (data.issues ?? []) as { readonly message?: string; readonly input?: unknown }[];
  const known = quotedIn(issue?.message ?? '', /"([^"]+)"/g);
  return typeof issue?.input === 'string' && known.length > 0 ? { given: [issue.input], known } : undefined;
}

function nearestTo({ given, known }: Names): string {
  const near = given.map((name) => `"${nearestOf([name.toLowerCase()], known)[0]}"`);
  return `the nearest is ${near.join(' and ')}`;
}

export function hintOf(fault: NexusError): string | undefined {
  const names = namesIn(fault);
  return names ? nearestTo(names) : HINTS.find(([begins]) => begins.test(fault.message))?.[1];
}

/** A command whose refusals are explained so. */
export const hinted = (command: Command): Command =>
  altered(command, {
    run: async (scene, typed) => {
      try {
        return await command.run(scene, typed);
      } catch (thrown) {
        const hint = thrown instanceof NexusError ? hintOf(thrown) : undefined;
        if (!(thrown instanceof NexusError) || hint === undefined) throw thrown;
        return explain(scene.terminal, thrown, { hints: { [thrown.code]: hint } });
      }
    },
  });
