-- Several servers share a PostgreSQL only. The newest number is the same on each engine, as backups go from one to another.
SELECT 1;
