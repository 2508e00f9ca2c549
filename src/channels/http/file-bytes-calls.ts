/** Files as plain bytes, as the API document tells them: headers, ranges, conditions (files.md §10). */
import { getOperation } from '../../core/operations.ts';
import type { OwnCall } from './own-calls.ts';

export const OPEN = getOperation('file.open');
export const WRITE = getOperation('file.write');
export const STAT = getOperation('file.stat');
export const DELETE = getOperation('file.delete');

const BRANCH = { branch: 'main unless given', zone_id: 'of the caller unless given' };
const BRANCH_HEADER = { 'X-Nexus-Branch': 'the branch, where the query names none' };
const CONDITIONS = {
  'If-Match': 'entity tags, one of which the content has to have, or *',
  'If-None-Match': 'entity tags, none of which the content may have, or *',
  'If-Unmodified-Since': 'a date (RFC 9110 §5.6.7), unless If-Match is there',
};
const STATE = {
  ETag: 'the SHA-256 of the content',
  'Last-Modified': 'when it was written',
  'X-Nexus-Version': 'of the file',
  'X-Nexus-Revision': 'at which this state began',
};
const CONTENT = {
  ...STATE,
  'Content-Length': 'bytes of the body',
  'Accept-Ranges': 'bytes',
  'X-Nexus-Meta-…': 'a metadata field of the file, percent-encoded',
};

const GET: OwnCall = {
  id: 'file.get',
  method: 'GET',
  summary: 'The bytes of a file, or of a range of it; the slashes of its path as they are.',
  operation: OPEN,
  status: 200,
  query: {
    version: 'a version of the file; the newest unless given',
    as_of: 'a revision or a time of the past',
    ...BRANCH,
    download: 'true: browsers keep it as a file',
  },
  headers: {
    ...CONDITIONS,
    'If-Modified-Since': 'a date (RFC 9110 §5.6.7), unless If-None-Match is there',
    Range: 'one range of bytes, bytes=0-99',
    'If-Range': 'an entity tag or a date: the range only if the content is still that',
    ...BRANCH_HEADER,
  },
  gives: { '*/*': undefined },
  answers: CONTENT,
  others: {
    206: {
      about: 'The range',
      gives: { '*/*': undefined },
      answers: { ...CONTENT, 'Content-Range': 'first and last byte, and bytes of the whole' },
    },
    304: { about: 'It is still what the conditions name', answers: STATE },
  },
  faults: ['ETAG_MISMATCH', 'RANGE_NOT_SATISFIABLE'],
};

const { gives: _body, others, ...looked } = GET;

export const FILE_CALLS: readonly OwnCall[] = [
  GET,
  {
    ...looked,
    id: 'file.head',
    method: 'HEAD',
    summary: 'The headers that GET would have, without the bytes. A range is not looked at.',
    others: { 304: { ...others?.[304], about: 'It is still what the conditions name' } },
    faults: ['ETAG_MISMATCH'],
  },
  {
    id: 'file.put',
    method: 'PUT',
    summary: 'Write the body to the path, as it comes, with its Content-Type. Parents are made.',
    operation: WRITE,
    status: 200,
    query: BRANCH,
    headers: {
      ...CONDITIONS,
      'Content-Digest': 'the digest that the body has to have (RFC 9530)',
      'X-Nexus-Meta-…': 'a metadata field of the file, percent-encoded; without any they stay as they are',
      'Idempotency-Key': 'makes it safe to send again',
      ...BRANCH_HEADER,
    },
    takes: { '*/*': undefined },
    gives: { 'application/json': WRITE.output },
    answers: { ETag: STATE.ETag },
    others: {
      201: {
        about: 'The file is new',
        gives: { 'application/json': WRITE.output },
        answers: { ETag: STATE.ETag, Location: 'of the file' },
      },
    },
    faults: ['ETAG_MISMATCH', 'DIGEST_MISMATCH', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'],
  },
  {
    id: 'file.remove',
    method: 'DELETE',
    summary: 'Delete the file at the path.',
    operation: DELETE,
    status: 204,
    query: BRANCH,
    headers: { ...CONDITIONS, 'Idempotency-Key': 'makes it safe to send again', ...BRANCH_HEADER },
    faults: ['ETAG_MISMATCH'],
  },
];
