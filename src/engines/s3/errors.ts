/** What can go wrong between us and a store. */

/** The store said no, or nothing that can be understood. */
export class S3Error extends Error {
  /** Of HTTP; 0 where there was no answer. */
  readonly status: number;
  /** The store's word, `NoSuchKey`; of a connection that of the system, `ECONNREFUSED`. */
  readonly code: string;

  constructor({ status, code }: { readonly status: number; readonly code: string }, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'S3Error';
    this.status = status;
    this.code = code;
  }

  /** Is the same request worth another try? */
  get passes(): boolean {
    return this.status === 0 || PASSING_STATUS.has(this.status) || PASSING_CODES.has(this.code);
  }
}

const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504]);
const PASSING_CODES = new Set(['RequestTimeout', 'SlowDown', 'OperationAborted']);

/** What the source of a body threw, which is not the store's doing. */
export class SourceBroke extends Error {
  constructor(cause: unknown) {
    super('the source of a body broke', { cause });
  }
}

export const isMissing = (thrown: unknown): boolean => thrown instanceof S3Error && thrown.status === 404;

/** No room, or no more of it for us. */
export const isFull = (thrown: unknown): boolean =>
  thrown instanceof S3Error &&
  (thrown.status === 507 ||
    /^(QuotaExceeded|InsufficientStorage|XMinioStorageFull|XMinioAdminBucketQuotaExceeded)$/.test(thrown.code));

/** The store does not let us in at all: it knows no such key, or takes its signature no longer. */
export const isShut = ({ status, code }: S3Error): boolean => status === 401 || SHUT_CODES.has(code);

const SHUT_CODES = new Set([
  'AccountProblem',
  'AllAccessDisabled',
  'AuthorizationHeaderMalformed',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidSecurity',
  'InvalidToken',
  'NotSignedUp',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
]);
