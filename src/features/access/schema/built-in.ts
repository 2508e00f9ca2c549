/**
 * The types that every zone has, as data (access.md §7). All types but group have one model; folders only `file`; a group
 * has members and owners. A type that a zone adds has the model too, wherever it declares nothing else by that name.
 */
import { EVERY, FOLDER, MEMBER, PARENT, type Relations, type Rule, type Types } from './rules.ts';

const THINGS = ['user', 'agent', 'app', 'worker', 'file', 'zone', 'workflow', 'executor', 'sandbox', 'document'];
const stored: Rule = { this: [...THINGS, 'group', EVERY] };
const computed = (name: string): Rule => ({ computed: name });

/** What gives a level: its own tuples, the same level of a parent (and of a folder), and the level above. */
function level(name: string, { folders, above }: { folders: boolean; above?: string }): Rule {
  return {
    union: [
      computed(`direct_${name}`),
      computed(`shared-${name}`),
      { from: [PARENT, name] },
      ...(folders ? [{ from: [FOLDER, name] as const }] : []),
      ...(above === undefined ? [] : [computed(above)]),
    ],
  };
}

const model = (folders: boolean): Relations => ({
  direct_owner: stored,
  direct_editor: stored,
  direct_viewer: stored,
  'shared-owner': stored,
  'shared-editor': stored,
  'shared-viewer': stored,
  parent: { this: THINGS },
  ...(folders ? { folder: { this: [] } } : {}),
  owner: level('owner', { folders }),
  editor: level('editor', { folders, above: 'owner' }),
  viewer: level('viewer', { folders, above: 'editor' }),
  read: computed('viewer'),
  write: computed('editor'),
  execute: computed('owner'),
  share: computed('owner'),
});

export const MODEL: Relations = model(false);

export const BUILT_IN: Types = Object.fromEntries([
  ...THINGS.map((type) => [type, type === 'file' ? model(true) : MODEL] as const),
  ['group', { [MEMBER]: stored, direct_owner: stored }] as const,
]);
