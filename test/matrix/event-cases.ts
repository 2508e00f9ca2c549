/** The event log in the matrix: everybody may ask, and is shown what he may read (platform.md §3.1). */
import type { Cases } from './cases.ts';

export const EVENT_CASES: Cases = {
  'event.list': [
    {
      title: 'of a file',
      level: 'viewer',
      shows: '"/given/later.txt"',
      input: () => ({ limit: 1000, operation_type: ['write'], path_pattern: '/given/later.txt' }),
    },
    {
      title: 'of a zone',
      level: 'admin',
      shows: '"tree_branch.created"',
      input: () => ({ limit: 1000, operation_type: ['tree_branch.created'] }),
    },
  ],
  'event.operations': [
    {
      level: 'viewer',
      shows: '"/given/later.txt"',
      input: () => ({ limit: 1000, operation_type: ['write'], path_pattern: '/given/later.txt' }),
    },
  ],
  'event.replay': [{ level: 'viewer', shows: '"/given/later.txt"', input: () => ({ limit: 1000 }) }],
  'event.follow': [{ level: 'nothing', input: () => ({ tail: 1 }) }],
  'event.watch': [
    {
      level: 'viewer',
      shows: '"/given/later.txt"',
      input: () => ({ since: 0, path: '/given/later.txt', timeout: 0.1 }),
    },
  ],
  'event.publish': [
    { title: 'about nothing', level: 'nothing', input: () => ({ type: 'app.tried' }) },
    { title: 'about a file', level: 'editor', input: () => ({ type: 'app.tried', path: '/given/a.txt' }) },
  ],
};
