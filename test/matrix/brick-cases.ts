/** Bricks in the matrix: they are of the server, so any caller reads, and an admin of zone root switches them. */
import type { Cases } from './cases.ts';

const one = { name: 'ipc' };

/** In this order, so that it is there again in the end. */
export const BRICK_CASES: Cases = {
  'brick.list': [{ level: 'nothing', input: () => ({}) }],
  'brick.get': [{ level: 'nothing', input: () => one }],
  'brick.unmount': [{ level: 'nothing', input: () => one }],
  'brick.mount': [{ level: 'nothing', input: () => one }],
  'brick.remount': [{ level: 'nothing', input: () => one }],
  'brick.reset': [{ level: 'nothing', input: () => one }],
};
