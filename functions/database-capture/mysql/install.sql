-- Installs the capture of changes in an Aurora MySQL database (version 3, that is MySQL 8.0).
--
--   mysql … < install.sql
--   call tributary.configure('arn:aws:lambda:eu-central-1:123456789012:function:tributary-database-capture', 'shop');
--   call tributary.attach('shop', 'orders');     -- prints the statements that attach the table: run them
--
-- MySQL has no trigger at the end of a transaction, so nothing is called while one is under way: triggers write what happened
-- to tributary.outbox, in the transaction in which it happened, and an event sends it every few seconds. The scheduler of
-- events must be on (parameter event_scheduler), and the cluster's role must be allowed to invoke the function
-- (aws_default_lambda_role). Not seen by triggers, and so not captured: TRUNCATE, and rows that a foreign key's cascade
-- changes.
create database if not exists tributary character set utf8mb4;
use tributary;

create table if not exists settings (
  only_row     tinyint primary key default 1,
  function_arn varchar(512) not null,
  -- Names the database, as the schemas of one server go together.
  called       varchar(64) not null,
  -- A payload of an asynchronous invocation: 256 KiB are safe everywhere.
  chunk_bytes  int not null default 250000
);

create table if not exists outbox (
  -- Orders the changes of a row totally: it is drawn while the row is locked.
  sequence    bigint unsigned not null auto_increment primary key,
  schema_name varchar(64) not null,
  table_name  varchar(64) not null,
  op          char(1) not null,
  changed_at  timestamp(6) not null default current_timestamp(6),
  old         json,
  new         json,
  -- Why it is never sent, where it cannot be. A person must look.
  problem     varchar(200)
) engine = innodb;

-- A restored or reinstalled database must not begin again at numbers that it gave before: the lake would take new changes for
-- old ones. So the first is the moment, in microseconds; where the table has numbers already, they go on.
set @first = concat('alter table outbox auto_increment = ', cast(unix_timestamp(now(6)) * 1000000 as unsigned));
prepare begin_at from @first;
execute begin_at;
deallocate prepare begin_at;

drop procedure if exists configure;
drop procedure if exists attach;
drop procedure if exists detach;
drop procedure if exists flush_outbox;
drop event if exists flush_every_few_seconds;

delimiter $$

create procedure configure(in arn varchar(512), in name varchar(64))
  modifies sql data
  comment 'which function takes the changes, and what this database is called'
begin
  insert into settings (only_row, function_arn, called) values (1, arn, name)
    on duplicate key update function_arn = arn, called = name;
end$$

-- MySQL cannot make triggers from a procedure: this one prints the statements that do.
create procedure attach(in of_schema varchar(64), in of_table varchar(64))
  reads sql data
  comment 'prints the statements that capture the changes of a table'
begin
  declare old_row, new_row, key_stays longtext;
  declare target varchar(200) default concat('`', of_schema, '`.`', of_table, '`');
  declare named varchar(200) default concat(quote(of_schema), ', ', quote(of_table));
  set session group_concat_max_len = 1000000;
  -- A timestamp is shown in the time zone of whoever writes; in the lake it is UTC.
  select group_concat(quote(column_name), ', ', if(data_type = 'timestamp', concat('convert_tz(old.`', column_name, '`, @@session.time_zone, ''+00:00'')'), concat('old.`', column_name, '`')) order by ordinal_position separator ', '),
         group_concat(quote(column_name), ', ', if(data_type = 'timestamp', concat('convert_tz(new.`', column_name, '`, @@session.time_zone, ''+00:00'')'), concat('new.`', column_name, '`')) order by ordinal_position separator ', '),
         group_concat(if(column_key = 'PRI', concat('old.`', column_name, '` <=> new.`', column_name, '`'), null) separator ' and ')
    into old_row, new_row, key_stays
    from information_schema.columns where table_schema = of_schema and table_name = of_table;
  if old_row is null then
    signal sqlstate '45000' set message_text = 'there is no such table';
  end if;
  select concat('create trigger `', of_schema, '`.`tributary_', left(of_table, 50), '_i` after insert on ', target,
    ' for each row insert into tributary.outbox (schema_name, table_name, op, new) values (', named, ', ''I'', json_object(', new_row, '));') as statement
  union all
  select concat('create trigger `', of_schema, '`.`tributary_', left(of_table, 50), '_d` after delete on ', target,
    ' for each row insert into tributary.outbox (schema_name, table_name, op, old) values (', named, ', ''D'', json_object(', old_row, '));')
  union all
  -- Where the key changes, one row is gone and another is there.
  select concat('create trigger `', of_schema, '`.`tributary_', left(of_table, 50), '_u` after update on ', target,
    ' for each row insert into tributary.outbox (schema_name, table_name, op, old, new)',
    ' select ', named, ', ''U'', json_object(', old_row, '), json_object(', new_row, ') from dual where ', coalesce(key_stays, 'true'),
    ' union all select ', named, ', ''D'', json_object(', old_row, '), null from dual where not (', coalesce(key_stays, 'true'), ')',
    ' union all select ', named, ', ''I'', null, json_object(', new_row, ') from dual where not (', coalesce(key_stays, 'true'), ');');
end$$

create procedure detach(in of_schema varchar(64), in of_table varchar(64))
  no sql
  comment 'prints the statements that end the capture of a table'
begin
  select concat('drop trigger if exists `', of_schema, '`.`tributary_', left(of_table, 50), '_', op, '`;') as statement
    from (select 'i' as op union all select 'u' union all select 'd') ops;
end$$

-- Sends what is in the outbox, chunk by chunk. What is not accepted stays for the next time.
create procedure flush_outbox()
  modifies sql data
  comment 'sends what waits in the outbox'
send: begin
  declare arn varchar(512);
  declare name varchar(64);
  declare most int default 0;
  declare number bigint unsigned;
  declare one, chunk longtext;
  declare sent_to bigint unsigned default 0;
  declare done boolean default false;
  declare waiting cursor for
    select sequence, cast(json_object('schema', schema_name, 'table', table_name, 'op', op, 'sequence', sequence,
        'changed_at', date_format(convert_tz(changed_at, @@session.time_zone, '+00:00'), '%Y-%m-%dT%H:%i:%s.%fZ'),
        'old', old, 'new', new) as char)
      from outbox where problem is null order by sequence limit 10000;
  declare continue handler for not found set done = true;
  -- What was not accepted stays in the outbox; who called is told.
  declare exit handler for sqlexception begin
    do release_lock('tributary.flush');
    resignal;
  end;
  if not coalesce(get_lock('tributary.flush', 0), 0) then leave send; end if;
  select function_arn, called, chunk_bytes into arn, name, most from settings where only_row = 1;
  set done = false, chunk = '';
  create temporary table if not exists in_chunk (sequence bigint unsigned primary key);
  delete from in_chunk;
  open waiting;
  each_change: loop
    fetch waiting into number, one;
    if not done and length(one) > most - 200 then
      update outbox set problem = concat(length(one), ' bytes are more than a record may have') where sequence = number;
      iterate each_change;
    end if;
    if (done or length(chunk) + length(one) + 1 > most - 200) and chunk <> '' then
      set chunk = lambda_async(arn, concat('{"database":', json_quote(name), ',"records":[', chunk, ']}'));
      delete from outbox where sequence in (select sequence from in_chunk);
      delete from in_chunk;
      set chunk = '';
    end if;
    if done then leave each_change; end if;
    set chunk = if(chunk = '', one, concat(chunk, ',', one));
    insert into in_chunk values (number);
  end loop;
  close waiting;
  do release_lock('tributary.flush');
end$$

create event flush_every_few_seconds on schedule every 5 second
  comment 'sends what waits in tributary.outbox'
  do call tributary.flush_outbox()$$

delimiter ;
