-- Installs or upgrades the capture of changes in a PostgreSQL database (RDS or Aurora, PostgreSQL 13 and newer).
--
--   psql "$DATABASE" --set ON_ERROR_STOP=1 --file install.sql
--   select tributary.configure('arn:aws:lambda:eu-central-1:123456789012:function:tributary-database-capture', 'eu-central-1');
--   select tributary.attach('shop.orders');
--
-- Run it as a role that may use the extension aws_lambda (rds_superuser): everything below runs with that role's rights, and
-- the roles of applications need none.
begin;
set local client_min_messages = warning;
create schema if not exists tributary;
revoke all on schema tributary from public;
\ir outbox.sql
\ir delivery.sql
\ir attach.sql
revoke all on all tables in schema tributary from public;
revoke all on all routines in schema tributary from public;
commit;
