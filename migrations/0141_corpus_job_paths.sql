-- Files and folders of the zone that a batch names: whoever may not read one does not see the job, be there a document or not.
CREATE TABLE corpus_job_paths (
  zone_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (zone_id, job_id, path)
);
