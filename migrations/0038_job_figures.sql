-- Of the waiting jobs of a zone, those that wait for another attempt.
ALTER TABLE job_counts ADD COLUMN retry_wait BIGINT NOT NULL DEFAULT 0;
UPDATE job_counts SET retry_wait = (SELECT COUNT(*) FROM jobs
  WHERE jobs.zone_id = job_counts.zone_id AND jobs.status = 'retry_wait' AND jobs.door <> 'house');
