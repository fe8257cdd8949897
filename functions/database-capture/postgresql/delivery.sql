-- From the outbox to the function database-capture: at the end of a transaction, and in sweeps. Part of install.sql.

-- Sends the rows of a transaction, or of all that are committed; how many were accepted. It never raises: what could not be
-- sent stays. Rows that another session is sending are passed by.
create or replace function tributary.deliver(of_txid bigint, most_rows bigint) returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO'
as $$
declare
  setting   tributary.settings;
  waiting   record;
  texts     text[] := '{}';
  sequences bigint[] := '{}';
  bytes     bigint := 0;
  sent      bigint := 0;
  problem   text;
begin
  select * into setting from tributary.settings;
  if not found then
    raise warning 'tributary: no function is configured; changes wait in tributary.outbox';
    return 0;
  end if;
  for waiting in
    select o.sequence, json_build_object('schema', o.schema_name, 'table', o.table_name, 'op', o.op, 'txid', o.txid,
        'sequence', o.sequence, 'changed_at', o.changed_at, 'old', o.old, 'new', o.new)::text as change
      from tributary.outbox o
      where (of_txid is null or o.txid = of_txid) and o.problem is null
      order by o.sequence limit most_rows
      for update skip locked
  loop
    if octet_length(waiting.change) > setting.record_bytes then
      update tributary.outbox o set problem = format('%s bytes are more than a record may have', octet_length(waiting.change))
        where o.sequence = waiting.sequence;
      raise warning 'tributary: change % is too large to be sent and stays in tributary.outbox', waiting.sequence;
      continue;
    end if;
    -- 200 bytes: what stands around the records.
    if cardinality(texts) > 0 and bytes + octet_length(waiting.change) + 1 > setting.chunk_bytes - 200 then
      problem := tributary.send_chunk(setting, texts, sequences);
      exit when problem is not null;
      sent := sent + tributary.accepted(sequences);
      texts := '{}'; sequences := '{}'; bytes := 0;
    end if;
    texts := texts || waiting.change;
    sequences := sequences || waiting.sequence;
    bytes := bytes + octet_length(waiting.change) + 1;
  end loop;
  if problem is null and cardinality(texts) > 0 then
    problem := tributary.send_chunk(setting, texts, sequences);
    if problem is null then sent := sent + tributary.accepted(sequences); end if;
  end if;
  if problem is not null then
    -- The next transactions of this session do not wait for what does not answer.
    perform set_config('tributary.paused_until', (clock_timestamp() + setting.pause)::text, false);
    raise warning 'tributary: changes wait in tributary.outbox: %', problem;
  end if;
  return sent;
end
$$;

-- How many of these changes are no longer in the outbox.
create or replace function tributary.accepted(sequences bigint[]) returns bigint
  language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select cardinality(sequences) - count(*) from tributary.outbox o where o.sequence = any (sequences)
$$;

-- Sends a chunk and deletes what was accepted; null, or why it was not. A row too large for an asynchronous payload comes
-- alone, and is waited for.
create or replace function tributary.send_chunk(setting tributary.settings, texts text[], sequences bigint[]) returns text
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  payload text := format('{"database":%s,"records":[%s]}', to_json(current_database()), array_to_string(texts, ','));
  kind    text := case when octet_length(payload) > setting.chunk_bytes then 'RequestResponse' else 'Event' end;
  answer  record;
begin
  -- A statement's time-out and a person's cancel end the call, not the transaction; `others` would not hold them.
  begin
    select * into answer from aws_lambda.invoke(setting.function_name, payload::json, setting.region, kind);
  exception when query_canceled or others then
    return sqlerrm;
  end;
  if answer.status_code not between 200 and 299 then
    return format('lambda answered with status %s', answer.status_code);
  end if;
  -- A function that failed is answered with 200 too; this one says what it has taken.
  if kind = 'RequestResponse' and (answer.payload::jsonb -> 'accepted') is null then
    -- It came alone, and would come first again and again: what follows it must not wait for it.
    update tributary.outbox o set problem = format('the function failed: %s', left(answer.payload::text, 300))
      where o.sequence = any (sequences);
    raise warning 'tributary: change % is refused by the function and stays in tributary.outbox', sequences[1];
    return null;
  end if;
  delete from tributary.outbox o where o.sequence = any (sequences);
  return null;
end
$$;

-- The call of a transaction, in two steps: the first only queues the second behind every deferred check that the transaction
-- has, so that nothing is sent of what a check then rolls back.
create or replace function tributary.depart() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if new.step = 1 then
    set constraints tributary.departure deferred;
    insert into tributary.departures (txid, step) values (new.txid, 2) on conflict do nothing;
    return null;
  end if;
  delete from tributary.departures d where d.txid = new.txid;
  if tributary.may_send() then
    perform tributary.deliver(new.txid, (select s.commit_rows from tributary.settings s));
  end if;
  return null;
exception when query_canceled or others then
  raise warning 'tributary: changes wait in tributary.outbox: %', sqlerrm;
  return null;
end
$$;

-- Whether what the transaction did is as good as committed, and the function was not silent just now. Else the sweep sends.
create or replace function tributary.may_send() returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select current_setting('transaction_isolation') <> 'serializable'  -- the commit may still fail
    and current_query() !~* 'set\s+constraints|prepare\s+transaction'  -- this is not the commit
    and coalesce(nullif(current_setting('tributary.paused_until', true), '')::timestamptz < clock_timestamp(), true)
$$;

-- Sends what is left in the outbox; how many changes were accepted. For pg_cron, every minute:
--   select cron.schedule('tributary-flush', '* * * * *', 'select tributary.flush()');
create or replace function tributary.flush(most_rows bigint default 100000) returns bigint
  language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select tributary.deliver(null, most_rows)
$$;

drop trigger if exists departure on tributary.departures;
create constraint trigger departure after insert on tributary.departures
  deferrable initially deferred for each row execute function tributary.depart();
-- Also where a session replicates: a table may be attached for that.
alter table tributary.departures enable always trigger departure;
