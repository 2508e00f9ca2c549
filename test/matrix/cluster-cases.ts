/** Nodes in the matrix: they are of the whole server, so an admin of zone root asks, and nobody else. */
import type { Cases } from './cases.ts';

const none = { id: 'node-00000000' };

export const CLUSTER_CASES: Cases = {
  'cluster.get': [{ level: 'nothing', input: () => ({}) }],
  'node.drain': [{ level: 'nothing', ends: 'NOT_FOUND', input: () => none }],
  'node.remove': [{ level: 'nothing', ends: 'NOT_FOUND', input: () => none }],
};
