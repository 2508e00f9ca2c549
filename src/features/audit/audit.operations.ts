/** What a door offers of the audit log. */
import { auditList } from './list.operations.ts';
import { auditVerify } from './verify.operations.ts';

export const auditOperations = [auditList, auditVerify] as const;
