DROP TABLE platform.job_runs;
DROP TABLE platform.installation;
DROP TABLE platform.imports;
