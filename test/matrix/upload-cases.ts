/** The cases of uploads. What an admin of the zone began, others of it do not see. */
import type { At, Case, Cases, Input } from './cases.ts';

const adminOnly = (input: (at: At) => Promise<Input>): readonly Case[] => [
  { level: 'admin', without: 'UPLOAD_NOT_FOUND', input },
];

/** An upload that the admin has begun. */
const someUpload = async ({ begin }: At): Promise<Input> => ({ upload_id: await begin() });

export const UPLOAD_CASES: Cases = {
  'upload.list': [{ level: 'nothing', input: () => ({}) }],
  'upload.get': adminOnly(someUpload),
  'upload.delete': adminOnly(someUpload),
};
