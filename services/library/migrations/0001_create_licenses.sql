create table licenses (
  license_id uuid primary key,
  user_id uuid not null,
  game_id uuid not null,
  edition_id uuid not null,
  order_id uuid not null,
  -- As they were when the game was bought.
  game_title text not null,
  edition_name text not null,
  -- A reserve is a game that was paid for a second time: it becomes active when the first order is refunded.
  state text not null check (state in ('active', 'reserve', 'revoked')),
  grant_time timestamptz not null,
  revoke_time timestamptz,
  check ((state = 'revoked') = (revoke_time is not null)),
  unique (order_id, game_id)
);
create unique index licenses_one_active on licenses (user_id, game_id) where state = 'active';
create index licenses_of_user on licenses (user_id, license_id desc);

-- What the catalogue said of a game last.
create table games (
  game_id uuid primary key,
  title text not null,
  version text,
  release_notes text,
  -- When it was last updated; null when it never was.
  update_time timestamptz,
  -- When the catalogue said so; what it said before that changes nothing.
  event_time timestamptz not null
);
