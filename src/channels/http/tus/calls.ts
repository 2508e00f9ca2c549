/** The calls of the upload protocol, as the API document tells them. */
import { getOperation } from '../../../core/operations.ts';
import type { OwnCall } from '../own-calls.ts';
import { BYTES, ROOT, VERSION } from './headers.ts';

export const ONE = `${ROOT}/:upload_id`;

export const CREATE = getOperation('upload.create');
export const APPEND = getOperation('upload.append');
export const LOOK = getOperation('upload.head');
export const REMOVE = getOperation('upload.delete');

const ASKED = {
  'Tus-Resumable!': VERSION,
  'X-HTTP-Method-Override': 'the method, where the client cannot send it; it replaces the one that is sent',
};
const SENT = { 'Upload-Checksum': 'algorithm and digest in Base64 of this body; may come as a trailer' };
const SAID = { 'Tus-Resumable': VERSION };
const OFFSET = { 'Upload-Offset': 'bytes that are on disk' };
const EXPIRES = { 'Upload-Expires': 'until when it is kept (RFC 9110 §5.6.7)' };
const DONE = { ETag: 'of the file, once the upload is complete', 'X-Nexus-Version': 'of the file' };

const OPTIONS: Omit<OwnCall, 'id'> = {
  method: 'OPTIONS',
  summary: 'Say which versions, extensions and checksums of the upload protocol are spoken.',
  status: 204,
  answers: {
    ...SAID,
    'Tus-Version': VERSION,
    'Tus-Max-Size': 'bytes that an upload may have',
    'Tus-Checksum-Algorithm': 'names, separated by commas',
    'Tus-Extension': 'names, separated by commas',
  },
};

/** Of the collection of uploads. */
export const ALL_CALLS: readonly OwnCall[] = [
  { ...OPTIONS, id: 'upload.options' },
  {
    id: CREATE.name,
    method: 'POST',
    summary: CREATE.summary,
    operation: CREATE,
    status: 201,
    headers: {
      ...ASKED,
      'Upload-Length': 'bytes of the whole',
      'Upload-Defer-Length': '1: the length is told later',
      'Upload-Metadata': 'keys with values in Base64: path, filename, content_type, filetype, and any of your own',
      'Upload-Concat': 'partial, or final; with the URLs of partial uploads',
      ...SENT,
    },
    takes: { [BYTES]: undefined },
    answers: { ...SAID, Location: 'of the upload', ...OFFSET, ...EXPIRES, ...DONE },
    faults: ['PRECONDITION_FAILED', 'UNSUPPORTED_MEDIA_TYPE', 'READ_ONLY'],
  },
];

/** Of one upload. */
export const ONE_CALLS: readonly OwnCall[] = [
  { ...OPTIONS, id: 'upload.options-one' },
  {
    id: LOOK.name,
    method: 'HEAD',
    summary: LOOK.summary,
    operation: LOOK,
    status: 200,
    headers: ASKED,
    answers: {
      ...SAID,
      ...OFFSET,
      'Upload-Length': 'bytes of the whole, once that is known',
      'Upload-Defer-Length': '1 until then',
      'Upload-Metadata': 'as it came',
      'Upload-Concat': 'as it came',
      ...EXPIRES,
    },
    faults: ['PRECONDITION_FAILED'],
  },
  {
    id: APPEND.name,
    method: 'PATCH',
    summary: APPEND.summary,
    operation: APPEND,
    status: 204,
    headers: {
      ...ASKED,
      'Upload-Offset!': 'where these bytes begin',
      'Upload-Length': 'of one begun without',
      ...SENT,
    },
    takes: { [BYTES]: undefined },
    answers: { ...SAID, ...OFFSET, ...EXPIRES, ...DONE },
    faults: ['PRECONDITION_FAILED', 'UNSUPPORTED_MEDIA_TYPE', 'ACCESS_DENIED', 'QUOTA_EXCEEDED'],
  },
  {
    id: REMOVE.name,
    method: 'DELETE',
    summary: REMOVE.summary,
    operation: REMOVE,
    status: 204,
    headers: ASKED,
    answers: SAID,
    faults: ['PRECONDITION_FAILED'],
  },
];
