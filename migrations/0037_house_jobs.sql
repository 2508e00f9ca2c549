-- What the server does by itself are jobs of zone root: of door house, and of the executor '', by which nobody can claim.
CREATE INDEX jobs_house ON jobs (type, created_at) WHERE door = 'house';
DROP TABLE leases;
