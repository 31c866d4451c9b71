-- What every service has: events to send, events received, events that could not be handled, answers to repeat.

create sequence outbox_id;

-- Partitioned by day, so that sent rows are dropped with their partition. `txid` tells which snapshots see a row. Ids are
-- drawn when a row is written, so those of one key, whose writers wait for each other, have the order of their commits.
create table outbox (
  outbox_id bigint not null default nextval('outbox_id'),
  create_time timestamptz not null default now(),
  txid xid8 not null default pg_current_xact_id(),
  event_id uuid not null,
  type text not null,
  key text not null,
  payload bytea not null,
  traceparent text not null,
  primary key (outbox_id, create_time)
) partition by range (create_time);
create index outbox_txid on outbox (txid);
create table outbox_default partition of outbox default;

-- Up to where the outbox was sent: what `sent` sees, and what `reading` sees beyond that up to `outbox_id`. The two are the
-- same while nothing is sent in parts. One row.
create table outbox_cursor (
  only_row boolean primary key default true check (only_row),
  sent pg_snapshot not null,
  reading pg_snapshot not null,
  outbox_id bigint not null
);
insert into outbox_cursor (sent, reading, outbox_id) values ('1:1:', '1:1:', 0);

-- Events that took effect; kept longer than Kafka keeps the topics.
create table inbox (
  event_id uuid primary key,
  receive_time timestamptz not null default now()
);
create index inbox_receive_time on inbox using brin (receive_time);

-- Events that can never be handled as they are, until `--replay` puts them back.
create table dead_letters (
  event_id uuid primary key,
  source text not null,
  type text not null,
  key text not null,
  payload bytea not null,
  traceparent text not null,
  event_time timestamptz not null,
  topic text not null,
  partition integer not null,
  kafka_offset bigint not null,
  reason text not null,
  create_time timestamptz not null default now()
);

-- Answers to repeat when the same request comes again (AIP-155).
create table idempotency_keys (
  subject text not null,
  method text not null,
  request_id uuid not null,
  request_hash bytea not null,
  response bytea,
  create_time timestamptz not null default now(),
  primary key (subject, method, request_id)
);
create index idempotency_keys_create_time on idempotency_keys using brin (create_time);

-- Makes the outbox' partitions for today and tomorrow, and drops those that are older than `retention_days` and wholly sent.
-- Gives up, to be called again, rather than let writers queue up behind its lock.
create function maintain_outbox_partitions(retention_days integer) returns void language plpgsql
set lock_timeout = '500ms' as $$
declare
  day date;
  name text;
  unsent boolean;
begin
  for day in select generate_series(current_date, current_date + 1, '1 day')::date loop
    name := 'outbox_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass(name) is not null;
    -- Rows of today that came before the partition stay in the default one, and then the partition cannot be made.
    continue when exists (select from outbox_default where create_time >= day and create_time < day + 1);
    execute format('create table %I partition of outbox for values from (%L) to (%L)', name, day, day + 1);
  end loop;
  for name in select relname from pg_class
      where relname ~ '^outbox_[0-9]{8}$' and to_date(right(relname, 8), 'YYYYMMDD') < current_date - retention_days loop
    execute format('select exists (select from %I where not pg_visible_in_snapshot(txid, (select sent from outbox_cursor)))',
                   name) into unsent;
    if not unsent then
      execute format('drop table %I', name);
    end if;
  end loop;
end $$;

-- Forgets sent events outside of the partitions after `retention_days`, events received after 30 days and answers after 7, up
-- to `row_limit` of each. True when there may be more.
create function forget_old_rows(retention_days integer, row_limit integer) returns boolean language plpgsql as $$
declare
  forgotten bigint;
  more boolean := false;
begin
  delete from outbox_default where ctid = any (array(
    select ctid from outbox_default where create_time < current_date - retention_days
      and pg_visible_in_snapshot(txid, (select sent from outbox_cursor)) limit row_limit));
  get diagnostics forgotten = row_count;
  more := more or forgotten = row_limit;
  delete from inbox where ctid = any (array(
    select ctid from inbox where receive_time < now() - interval '30 days' limit row_limit));
  get diagnostics forgotten = row_count;
  more := more or forgotten = row_limit;
  delete from idempotency_keys where ctid = any (array(
    select ctid from idempotency_keys where create_time < now() - interval '7 days' limit row_limit));
  get diagnostics forgotten = row_count;
  return more or forgotten = row_limit;
end $$;

select maintain_outbox_partitions(2);
