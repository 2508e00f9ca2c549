/** Random changes of a tree, each in the two forms in which it is carried out: as a call, and on the model. */
import fc from 'fast-check';
import { Refused } from './history-model.ts';
import { type Content, etagOf, isText, nowOf, type TreeModel } from './tree-model.ts';

/** A change that both sides make. */
export interface Change {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Makes it on the model. Gives what the answer has to hold; throws Refused for a fault. */
  readonly expected: () => unknown;
}

/** A change, once it is known what there is. */
export type Step = (model: TreeModel) => Change;

const name = fc.constantFrom('a', 'a.md', 'b', '😀');
const path = fc.oneof(
  { weight: 40, arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join('/')}`) },
  { weight: 1, arbitrary: fc.constant('/') },
);

/** A path, or a share of the entries, or of the files, that there are by then. */
type Place = string | { readonly among: 'entries' | 'files'; readonly share: number };
const share = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1000);
const placeAmong = (among: 'entries' | 'files'): fc.Arbitrary<Place> =>
  fc.oneof({ weight: 4, arbitrary: share.map((part) => ({ among, share: part })) }, { weight: 1, arbitrary: path });
const entry = placeAmong('entries');
const file = placeAmong('files');

function resolve(model: TreeModel, place: Place): string {
  if (typeof place === 'string') return place;
  const all = [...model.state].filter(([, one]) => place.among === 'entries' || one.versions.length > 0);
  return all[Math.floor(place.share * all.length)]?.[0] ?? '/a';
}

/** Content as a parameter gives it, and as it is then. */
interface Given {
  readonly params: Readonly<Record<string, unknown>>;
  readonly content: Content;
}

const text = fc.constantFrom('', 'x', 'xy', 'é', 'one\ntwo\n', 'one', 'L'.repeat(66_000));
const bytes = fc.oneof(
  text.map((one) => Buffer.from(one)),
  fc.constantFrom(Buffer.from([0xff]), Buffer.from([0xc3]), Buffer.from([0xa9])),
);
const given: fc.Arbitrary<Given> = fc.oneof(
  {
    weight: 4,
    arbitrary: text.map((content) => ({
      params: { content },
      content: { bytes: Buffer.from(content), encoding: 'utf-8' as const },
    })),
  },
  {
    weight: 1,
    arbitrary: bytes.map((raw) => ({
      params: { content: { __type__: 'bytes', data: raw.toString('base64') } },
      content: { bytes: raw, encoding: isText(raw) ? ('utf-8' as const) : ('base64' as const) },
    })),
  },
  {
    weight: 1,
    arbitrary: bytes.map((raw) => ({
      params: { content: raw.toString('base64'), encoding: 'base64' },
      content: { bytes: raw, encoding: 'base64' as const },
    })),
  },
);

const metadata = fc.constantFrom(undefined, {}, { k: 1 }, { k: [null, 'é'] });
const content_type = fc.constantFrom(undefined, undefined, 'text/x-mine');

/** The etag that the file has, another one, or none asked for. */
type Matching = 'right' | 'wrong' | 'none';
const matching = fc.constantFrom<Matching>('none', 'none', 'none', 'none', 'none', 'right', 'right', 'wrong');
const WRONG = etagOf(Buffer.from('another'));
function etagFor(model: TreeModel, at: string, how: Matching): { if_match?: string } {
  if (how === 'none') return {};
  const one = model.state.get(at);
  const now = one && nowOf(one);
  return { if_match: how === 'right' && now ? etagOf(now.bytes) : WRONG };
}

const target = fc.oneof({ weight: 2, arbitrary: path }, { weight: 1, arbitrary: file });
const write = fc.record({ on: target, given, metadata, content_type, how: matching, fresh: fc.boolean() }).map(
  ({ on, given: { params, content }, how, metadata: own, content_type: type, fresh }): Step =>
    (model) => {
      const at = resolve(model, on);
      const match = etagFor(model, at, how);
      const if_none_match = fresh && how === 'none';
      const known = { metadata: own, content_type: type };
      return {
        method: 'write',
        params: { path: at, ...params, ...known, ...match, if_none_match },
        expected: () => ({ path: at, ...model.write(at, { ...content, ...known }, { ...match, if_none_match }) }),
      };
    },
);

const append = fc.record({ on: target, given, how: matching }).map(
  ({ on, given: { params, content }, how }): Step =>
    (model) => {
      const at = resolve(model, on);
      const match = etagFor(model, at, how);
      return {
        method: 'append',
        params: { path: at, ...params, ...match },
        expected: () => ({ path: at, ...model.append(at, content, match) }),
      };
    },
);

const piece = fc.constantFrom('x', 'x', 'one', 'one', 'two\n', 'é', 'none');
const edits = fc
  .array(fc.tuple(piece, fc.constantFrom('', 'x', 'z', 'three\n')), { minLength: 1, maxLength: 2 })
  .filter((all) => all.every(([old, replacement]) => old !== replacement));
const edit = fc.record({ on: file, edits, how: matching }).map(
  ({ on, edits: all, how }): Step =>
    (model) => {
      const at = resolve(model, on);
      const match = etagFor(model, at, how);
      return {
        method: 'edit',
        params: { path: at, edits: all, fuzzy_threshold: 1, ...match },
        expected: () => {
          const written = model.edit(at, all, match);
          if (!written) return { success: false, applied_count: 0 };
          const { version, size, etag } = written;
          return { success: true, applied_count: all.length, version, size, etag };
        },
      };
    },
);

const remove = fc.record({ on: file, how: matching }).map(
  ({ on, how }): Step =>
    (model) => {
      const at = resolve(model, on);
      const match = etagFor(model, at, how);
      return {
        method: 'delete',
        params: { path: at, ...match },
        expected: () => {
          model.remove(at, match);
          return { deleted: true, path: at, revision: model.revision };
        },
      };
    },
);

const mkdir = fc.record({ on: target, parents: fc.boolean(), exist_ok: fc.boolean() }).map(
  ({ on, ...more }): Step =>
    (model) => {
      const at = resolve(model, on);
      return {
        method: 'mkdir',
        params: { path: at, ...more },
        expected: () => ({ path: at, created: model.mkdir(at, more) }),
      };
    },
);

const rmdir = fc.record({ on: entry, recursive: fc.boolean() }).map(
  ({ on, recursive }): Step =>
    (model) => {
      const at = resolve(model, on);
      return {
        method: 'rmdir',
        params: { path: at, recursive },
        expected: () => ({ removed: true, path: at, ...model.rmdir(at, recursive) }),
      };
    },
);

const two = { on: entry, to: target };
const rename = fc.record({ ...two, overwrite: fc.boolean(), how: matching }).map(
  ({ on, to, overwrite, how }): Step =>
    (model) => {
      const [old_path, new_path] = [resolve(model, on), resolve(model, to)];
      const match = etagFor(model, old_path, how);
      return {
        method: 'rename',
        params: { old_path, new_path, overwrite, ...match },
        expected: () => ({
          renamed: model.rename(old_path, new_path, { overwrite, ...match }),
          old_path,
          path: new_path,
        }),
      };
    },
);

const copy = fc.record({ ...two, recursive: fc.boolean(), overwrite: fc.boolean() }).map(
  ({ on, to, ...more }): Step =>
    (model) => {
      const [src_path, dst_path] = [resolve(model, on), resolve(model, to)];
      return {
        method: 'copy',
        params: { src_path, dst_path, ...more },
        expected: () => ({ copied: true, path: dst_path, files: model.copy(src_path, dst_path, more) }),
      };
    },
);

const describe = fc.record({ on: file, metadata, how: matching }).map(
  ({ on, metadata: own = {}, how }): Step =>
    (model) => {
      const at = resolve(model, on);
      const match = etagFor(model, at, how);
      return {
        method: 'set_metadata',
        params: { path: at, metadata: own, ...match },
        expected: () => {
          model.describe(at, own, match);
          return { path: at, metadata: own, revision: model.revision };
        },
      };
    },
);

const rollback = fc.record({ on: file, version: fc.constantFrom(1, 1, 1, 2, 3), how: matching }).map(
  ({ on, version, how }): Step =>
    (model) => {
      const at = resolve(model, on);
      const match = etagFor(model, at, how);
      return {
        method: 'rollback',
        params: { path: at, version, ...match },
        expected: () => ({ path: at, rolled_back_to: version, ...model.rollback(at, version, match) }),
      };
    },
);

const writeBatch = fc.array(fc.record({ on: target, given, metadata, how: matching }), { maxLength: 4 }).map(
  (all): Step =>
    (model) => {
      const files = all.map(({ on, how, ...more }) => {
        const at = resolve(model, on);
        return { ...more, at, match: etagFor(model, at, how) };
      });
      return {
        method: 'write_batch',
        params: {
          files: files.map(({ at, given: { params }, metadata: own, match }) => ({
            path: at,
            ...params,
            metadata: own,
            ...match,
          })),
        },
        expected: () => {
          const paths = files.map(({ at }) => at);
          if (paths.includes('/')) throw new Refused('INVALID_PATH');
          if (new Set(paths).size < paths.length) throw new Refused('INVALID_PARAMS');
          return model.attempt(() =>
            files.map(({ at, given: { content }, metadata: own, match }) => ({
              path: at,
              ...model.write(at, { ...content, metadata: own }, match),
            })),
          );
        },
      };
    },
);

/** One item by itself, as the bulk calls answer it. */
function itemOf(work: () => void): object {
  try {
    work();
    return { success: true };
  } catch (thrown) {
    if (thrown instanceof Refused) return { success: false, error: { code: thrown.code } };
    throw thrown;
  }
}

const deleteBulk = fc.record({ all: fc.array(entry, { maxLength: 4 }), recursive: fc.boolean() }).map(
  ({ all, recursive }): Step =>
    (model) => {
      const paths = all.map((place) => resolve(model, place));
      const deleteOne = (at: string): void => {
        const one = model.state.get(at);
        if (one && !nowOf(one) && recursive) model.rmdir(at, true);
        else model.remove(at);
      };
      return {
        method: 'delete_bulk',
        params: { paths, recursive },
        expected: () => Object.fromEntries([...new Set(paths)].map((at) => [at, itemOf(() => deleteOne(at))])),
      };
    },
);

const renameBulk = fc.array(fc.tuple(entry, target), { maxLength: 4 }).map(
  (all): Step =>
    (model) => {
      const renames = all.map(([from, to]) => [resolve(model, from), resolve(model, to)] as const);
      return {
        method: 'rename_bulk',
        params: { renames },
        expected: () => {
          if (new Set(renames.map(([from]) => from)).size < renames.length) throw new Refused('INVALID_PARAMS');
          return Object.fromEntries(
            renames.map(([from, to]) => [
              from,
              { new_path: to, ...itemOf(() => model.rename(from, to, { overwrite: false })) },
            ]),
          );
        },
      };
    },
);

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: write },
  { weight: 5, arbitrary: append },
  { weight: 4, arbitrary: edit },
  { weight: 2, arbitrary: remove },
  { weight: 3, arbitrary: mkdir },
  { weight: 1, arbitrary: rmdir },
  { weight: 6, arbitrary: rename },
  { weight: 5, arbitrary: copy },
  { weight: 3, arbitrary: describe },
  { weight: 3, arbitrary: rollback },
  { weight: 3, arbitrary: writeBatch },
  { weight: 1, arbitrary: deleteBulk },
  { weight: 2, arbitrary: renameBulk },
);
