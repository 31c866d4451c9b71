-- A UUIDv7 (RFC 9562) of this time, for statements that make many rows: the bits of a random UUIDv4, the time over its
-- first 48 bits, and version 7 instead of 4.
create function uuid_v7(at timestamptz) returns uuid language sql volatile as $$
  select encode(set_bit(set_bit(
    overlay(uuid_send(gen_random_uuid())
            placing substring(int8send(floor(extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1), 'hex')::uuid
$$;

-- The inboxes. `source_id` is what a notification tells of: the user who registered, the order, or the event of the update;
-- so nobody is told twice. `txid` with `sequence` is the order of the stream: one that no row joins late once all smaller
-- transactions have ended.
create table notifications (
  user_id uuid not null,
  notification_id uuid not null,
  kind text not null
    check (kind in ('welcome', 'purchase_completed', 'purchase_refunded', 'game_updated')),
  source_id uuid not null,
  title text not null,
  body text not null,
  order_id uuid,
  game_id uuid,
  create_time timestamptz not null,
  read_time timestamptz,
  txid xid8 not null default pg_current_xact_id(),
  sequence bigint not null generated always as identity,
  primary key (user_id, notification_id),
  unique (user_id, kind, source_id)
);
create index notifications_unread on notifications (user_id, notification_id) where read_time is null;
create index notifications_stream on notifications (txid, sequence);
create index notifications_user_stream on notifications (user_id, txid, sequence);

-- Who owns which game, as the library says. A licence that was revoked stays, so that its grant changes nothing when it comes
-- late or again.
create table game_owners (
  license_id uuid primary key,
  game_id uuid not null,
  user_id uuid not null,
  revoke_time timestamptz
);
create index game_owners_of_game on game_owners (game_id, user_id) where revoke_time is null;

-- Updates of games whose owners are being told, in the order of their ids: those up to `after_user_id` have been.
create table update_fanouts (
  event_id uuid primary key,
  game_id uuid not null,
  title text not null,
  body text not null,
  after_user_id uuid not null default '00000000-0000-0000-0000-000000000000',
  create_time timestamptz not null
);

-- E-mails, without addresses. `email_id` is derived from what it tells of, so a mail is queued once; a crash may send it again,
-- under the same Message-ID. `due_time` is when to try next; while a sender works on it, when others may take it over. What
-- concerns a person goes when the mail is done with.
create table emails (
  email_id uuid primary key,
  kind text not null check (kind in ('welcome', 'purchase_completed', 'purchase_refunded')),
  user_id uuid,
  event bytea,
  state text not null default 'queued' check (state in ('queued', 'sent', 'failed', 'dropped')),
  attempts integer not null default 0,
  due_time timestamptz not null,
  failure text,
  create_time timestamptz not null,
  finish_time timestamptz,
  check ((state = 'queued') = (user_id is not null)),
  check ((state = 'queued') = (event is not null)),
  check ((state = 'queued') = (finish_time is null))
);
create index emails_due on emails (due_time) where state = 'queued';
create index emails_finished on emails (finish_time) where state <> 'queued';
