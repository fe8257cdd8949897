-- Takes the capture of changes out of a database: every table is detached, and what still waits in the outbox is lost.
-- `select tributary.flush()` first.
begin;
drop schema if exists tributary cascade;
commit;
