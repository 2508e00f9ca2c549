/**
 * A view is what a call sees of the tree: a branch, live or as of a revision, over the branches it grew from. This
 * module turns a view into the FROM of a query. Guarantees: a path has at most one state in a view; a state of the
 * branch itself hides those of its parents.
 */
import { rangeBelow } from '../../base/paths.ts';
import { OPEN_END, type SqlValue } from '../../ports/sql.ts';

export interface Layer {
  readonly branch: string;
  /** Revision, or null for the newest state. */
  readonly at: number | null;
}

interface PastLayer extends Layer {
  readonly at: number;
}

export interface View {
  readonly zone_id: string;
  /** Of the branch; `layers` have its key. */
  readonly name: string;
  /** The branch itself first, then its parent as of the branch's base, and so on. */
  readonly layers: readonly [Layer, ...Layer[]];
  /** Folders of which nothing below belongs to it: what is mounted there has no past and no branches. */
  readonly apart?: readonly string[];
}

/** A view that what is written from now on no longer changes. */
export type PastView = View & { readonly layers: readonly [PastLayer, ...PastLayer[]] };

export const MAIN = 'main';

export const mainView = (zone_id: string, at: number | null = null): View => ({
  zone_id,
  name: MAIN,
  layers: [{ branch: MAIN, at }],
});

/** What a branch grew from. */
export interface Link {
  readonly branch: string;
  readonly name: string;
  /** Key of the parent. */
  readonly parent: string;
  readonly base_revision: number;
}

/** View of the first branch of a chain, each but the last the parent of the one before; the last one's parent is main. */
export function chainView(zone_id: string, chain: readonly [Link, ...Link[]], at: number | null): View {
  const [own] = chain;
  const parents: Layer[] = [];
  let seen = at ?? OPEN_END;
  for (const link of chain) {
    seen = Math.min(seen, link.base_revision);
    parents.push({ branch: link.parent, at: seen });
  }
  return { zone_id, name: own.name, layers: [{ branch: own.branch, at }, ...parents] };
}

/** The view as of a revision: with the newest one of the zone, what it shows now. */
export function frozen(view: View, at: number): PastView {
  const [own, ...parents] = view.layers;
  const freeze = (layer: Layer): PastLayer => ({ branch: layer.branch, at: Math.min(layer.at ?? at, at) });
  return { ...view, layers: [freeze(own), ...parents.map(freeze)] };
}

/** Is it the newest state of main, which needs no look at branches? */
export const isLiveMain = (view: View): boolean => view.layers.length === 1 && view.layers[0].at === null;

/** A part of a statement, with what its question marks stand for. */
export interface Piece {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

function alive(alias: string, layer: Layer): Piece {
  if (layer.at === null) {
    return { sql: `${alias}.branch = ? AND ${alias}.ended = ${OPEN_END}`, params: [layer.branch] };
  }
  return {
    sql: `${alias}.branch = ? AND ${alias}.began <= ? AND ${alias}.ended > ?`,
    params: [layer.branch, layer.at, layer.at],
  };
}

/** What a query is made of beside its parameters. */
export interface StateShape {
  readonly columns: string;
  /** Condition on the state `s`. */
  readonly where: string;
  /** Joined to each state, e.g. its blob. */
  readonly join?: string;
  /** Removals of the own branch are rows too; a writer has to see them. */
  readonly withRemoved?: boolean;
}

export interface StateQuery extends StateShape {
  /** Of the condition. */
  readonly params: readonly SqlValue[];
  /** A FROM item that the condition may name, from which the states are looked up row by row. */
  readonly each?: Piece;
}

const liveTexts = new WeakMap<StateShape, string>();

/**
 * The same as {@link selectStates} for a shape that is a constant: on the newest state of main, which most calls ask,
 * its text is made once. Engines look statements up by their text, and a text made anew has to be read for that.
 */
export function shapedStates(view: View, shape: StateShape, params: readonly SqlValue[]): Piece {
  if (!isLiveMain(view)) return selectStates(view, { ...shape, params });
  let sql = liveTexts.get(shape);
  if (sql === undefined) {
    sql = selectStates(view, { ...shape, params }).sql;
    liveTexts.set(shape, sql);
  }
  return { sql, params: [view.zone_id, view.layers[0].branch, ...params] };
}

/** One SELECT (with more layers a UNION ALL of one each) of the states of a view; ORDER BY and LIMIT go behind it. */
export function selectStates(view: View, query: StateQuery): { sql: string; params: SqlValue[] } {
  const params: SqlValue[] = [];
  const each = query.each ? `${query.each.sql} CROSS JOIN ` : '';
  const arms = view.layers.map((layer, depth) => {
    const here = alive('s', layer);
    params.push(...(query.each?.params ?? []), view.zone_id, ...here.params, ...query.params);
    for (const { from, to } of view.apart?.map(rangeBelow) ?? []) params.push(from, to);
    const hidden = view.layers.slice(0, depth).map((above) => {
      const shadow = alive('o', above);
      params.push(view.zone_id, ...shadow.params);
      return ` AND NOT EXISTS (SELECT 1 FROM file_states o WHERE o.zone_id = ? AND ${shadow.sql} AND o.path = s.path)`;
    });
    const removed = query.withRemoved && depth === 0 ? '' : " AND s.kind <> 'x'";
    const apart = view.apart?.map(() => ' AND NOT (s.path > ? AND s.path < ?)').join('') ?? '';
    return `SELECT ${query.columns} FROM ${each}file_states s ${query.join ?? ''}
      WHERE s.zone_id = ? AND ${here.sql} AND (${query.where})${apart}${view.layers.length > 1 ? removed : ''}${hidden.join('')}`;
  });
  return { sql: arms.join(' UNION ALL '), params };
}
