/** Backups and the check of contents in the matrix: they are of the whole server, so an admin of zone root asks, and nobody else. */
import type { Cases } from './cases.ts';

const none = { ref: 'bk-20300101t000000000z-00000000' };

export const BACKUP_CASES: Cases = {
  'backup.config': [{ level: 'nothing', input: () => ({}) }],
  'backup.configure': [{ level: 'nothing', input: () => ({ enabled: false }) }],
  'backup.create': [{ level: 'nothing', input: () => ({ wait: false }) }],
  'backup.list': [{ level: 'nothing', input: () => ({}) }],
  'backup.get': [{ level: 'nothing', ends: 'BACKUP_NOT_FOUND', input: () => none }],
  'backup.verify': [{ level: 'nothing', ends: 'BACKUP_NOT_FOUND', input: () => none }],
  'content.status': [{ level: 'nothing', input: () => ({}) }],
  'content.check': [{ level: 'nothing', input: () => ({}) }],
  'zone.export': [{ level: 'nothing', ends: 'ZONE_NOT_FOUND', input: () => ({ zone_id: 'nowhere' }) }],
  'zone.import': [{ level: 'nothing', ends: 'FILE_NOT_FOUND', input: () => ({ path: '/no-export' }) }],
  'backup.restore': [{ level: 'nothing', ends: 'CONFLICT', input: () => ({ ...none, confirm: false }) }],
};
