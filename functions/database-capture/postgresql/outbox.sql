-- The outbox: what happened to attached tables, written in the transaction in which it happened. Part of install.sql.

create table if not exists tributary.settings (
  only_row      boolean primary key default true check (only_row),
  function_name text not null,
  region        text,
  -- A payload of an asynchronous invocation: 256 KiB are safe everywhere.
  chunk_bytes   integer not null default 250000 check (chunk_bytes between 1000 and 250000),
  -- A record that no chunk holds is sent alone and waited for; the function lands no line that is longer.
  record_bytes  integer not null default 1000000 check (record_bytes between 1000 and 1000000),
  -- How many changes a transaction sends itself, at its end, while it holds its locks; the sweep sends the rest.
  commit_rows   integer not null default 20000 check (commit_rows >= 0),
  -- How long a session that could not send leaves its changes to the sweep.
  pause         interval not null default '30 seconds'
);

create table if not exists tributary.outbox (
  -- Orders the changes of a row totally: it is drawn while the row is locked. Never give it a cache.
  sequence    bigint generated always as identity (cache 1) primary key,
  txid        bigint not null default txid_current(),
  schema_name text not null,
  table_name  text not null,
  op          text not null check (op in ('I', 'U', 'D')),
  changed_at  timestamptz not null default clock_timestamp(),
  old         jsonb,
  new         jsonb,
  -- Why it is never sent, where it cannot be. A person must look.
  problem     text
);

-- A restored or reinstalled database must not begin again at numbers that it gave before: the lake would take new changes for
-- old ones. So the first is the moment, in microseconds.
do $$
begin
  if not (select is_called from tributary.outbox_sequence_seq) then
    perform setval('tributary.outbox_sequence_seq', (extract(epoch from clock_timestamp()) * 1000000)::bigint);
  end if;
end
$$;

create index if not exists outbox_by_transaction on tributary.outbox (txid);

-- A transaction that changed something, until its call is made. It outlives no crash, and need not: the outbox does.
create unlogged table if not exists tributary.departures (
  txid bigint not null,
  step smallint not null check (step in (1, 2)),
  primary key (txid, step)
);

-- The row trigger. Its arguments are the columns of the primary key.
-- The settings make one text of a value, whatever the session has set.
create or replace function tributary.record() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set bytea_output = 'hex' set extra_float_digits = 1
as $$
declare
  -- Changes of a partition are changes of its table.
  origin      regclass := coalesce(pg_partition_root(tg_relid), tg_relid);
  origin_schema text;
  origin_table  text;
  old_row     jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  new_row     jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  key_changes boolean := false;
  key_column  text;
begin
  select n.nspname, c.relname into origin_schema, origin_table
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = origin;
  if tg_op = 'UPDATE' then
    foreach key_column in array tg_argv loop
      key_changes := key_changes or (old_row -> key_column) is distinct from (new_row -> key_column);
    end loop;
  end if;
  if key_changes then
    -- One row is gone and another is there: whoever goes by the key would keep the first for ever.
    insert into tributary.outbox (schema_name, table_name, op, old) values (origin_schema, origin_table, 'D', old_row);
    insert into tributary.outbox (schema_name, table_name, op, new) values (origin_schema, origin_table, 'I', new_row);
  else
    insert into tributary.outbox (schema_name, table_name, op, old, new)
      values (origin_schema, origin_table, left(tg_op, 1), old_row, new_row);
  end if;
  perform tributary.announce_departure();
  return null;
end
$$;

-- The statement trigger of TRUNCATE: each row that goes is a delete, so that nobody downstream needs to know the word.
create or replace function tributary.record_truncate() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' set bytea_output = 'hex' set extra_float_digits = 1
as $$
declare
  origin regclass := coalesce(pg_partition_root(tg_relid), tg_relid);
begin
  -- Partitions have this trigger themselves; a partitioned table has no rows of its own.
  execute format(
    'insert into tributary.outbox (schema_name, table_name, op, old)
       select n.nspname, c.relname, ''D'', to_jsonb(gone)
         from only %s gone, pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = %s',
    tg_relid::regclass, origin::oid);
  perform tributary.announce_departure();
  return null;
end
$$;

-- Sees to it that this transaction makes its call, once, at its end.
create or replace function tributary.announce_departure() returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into tributary.departures (txid, step) values (txid_current(), 1) on conflict do nothing;
  if found then
    -- An application that has set all constraints immediate means its own.
    set constraints tributary.departure deferred;
  end if;
end
$$;
