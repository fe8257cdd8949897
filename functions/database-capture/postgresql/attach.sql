-- What a person says to Tributary in a database. Part of install.sql.

-- Which function takes the changes; name or ARN.
create or replace function tributary.configure(function_name text, region text default null) returns void
  language sql set search_path = pg_catalog, pg_temp
as $$
  insert into tributary.settings (function_name, region) values ($1, $2)
    on conflict (only_row) do update set function_name = excluded.function_name, region = excluded.region
$$;

-- Captures the changes of a table from now on. Say it again after the primary key was changed or a partition was added.
-- `also_replicated`: also what sessions change whose session_replication_role is replica (a restore, a subscription).
create or replace function tributary.attach(captured regclass, also_replicated boolean default false) returns text
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  kind      "char";
  is_own    boolean;
  key       text;
  part      regclass;
begin
  select c.relkind, n.nspname = 'tributary' or c.relpersistence = 't' into kind, is_own
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = captured;
  if kind not in ('r', 'p') or is_own then
    raise exception '% is no table whose changes can be captured', captured
      using hint = 'attach an ordinary or a partitioned table, neither temporary nor of the schema tributary';
  end if;
  perform tributary.detach(captured);
  select string_agg(quote_literal(a.attname), ', ' order by a.attnum) into key
    from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indrelid = captured and i.indisprimary;
  -- The name comes first of all triggers: a trigger that changes the row again must not be recorded before the change
  -- that set it off, nor a cascade before its cause.
  execute format(
    'create trigger "000_tributary" after insert or update or delete on %s for each row execute function tributary.record(%s)',
    captured, coalesce(key, ''));
  -- Row triggers come to partitions by themselves, those of statements do not.
  for part in select captured union select p.relid from pg_partition_tree(captured) p loop
    execute format(
      'create trigger "000_tributary_truncate" before truncate on %s for each statement execute function tributary.record_truncate()',
      part);
    if also_replicated then
      execute format('alter table %s enable always trigger "000_tributary"', part);
      execute format('alter table %s enable always trigger "000_tributary_truncate"', part);
    end if;
  end loop;
  if key is null then
    raise notice '% has no primary key: its changes are captured, but which of them are of one row cannot be told', captured;
    return format('%s is attached, without a key', captured);
  end if;
  return format('%s is attached, with the key %s', captured, replace(key, '''', ''));
end
$$;

-- Captures the changes of a table no longer. What is in the outbox is still sent.
create or replace function tributary.detach(captured regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp set client_min_messages = warning
as $$
declare
  part regclass;
begin
  execute format('drop trigger if exists "000_tributary" on %s', captured);
  for part in select captured union select p.relid from pg_partition_tree(captured) p loop
    execute format('drop trigger if exists "000_tributary_truncate" on %s', part);
  end loop;
end
$$;

-- What waits, for a person or an alarm. Waiting rows older than some sweeps say that the function does not answer.
create or replace view tributary.waiting as
  select schema_name, table_name, count(*) as changes, min(changed_at) as oldest, count(problem) as cannot_be_sent
    from tributary.outbox group by schema_name, table_name;
