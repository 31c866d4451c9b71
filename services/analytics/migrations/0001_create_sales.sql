-- What happened to one item of an order, once and for all: rows are only added, in any order, and adding one again changes
-- nothing. `txid` with `fact_id` gives an order that no row joins late once all smaller transactions have ended.
create table sale_facts (
  order_id uuid not null,
  edition_id uuid not null,
  kind text not null check (kind in ('sale', 'claim', 'refund')),
  organisation_id uuid not null,
  game_id uuid not null,
  game_title text not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  -- No price of the catalogue has more. A fact that had would be put aside, where a sum that is too large for its column would
  -- stop the roll-up of all.
  units_minor bigint not null check (units_minor between 0 and 1000000000000),
  fact_time timestamptz not null,
  txid xid8 not null default pg_current_xact_id(),
  fact_id bigint not null generated always as identity,
  primary key (order_id, edition_id, kind),
  check ((kind = 'claim') = (units_minor = 0))
);
create index sale_facts_order on sale_facts (txid, fact_id);
create index sale_facts_titles on sale_facts (game_id, fact_time desc) where kind <> 'refund';

-- Sums of the facts up to the cursor, by the day (UTC) on which they happened.
create table daily_sales (
  organisation_id uuid not null,
  game_id uuid not null,
  day date not null,
  currency_code text not null,
  sold_count bigint not null,
  claimed_count bigint not null,
  refunded_count bigint not null,
  gross_minor bigint not null,
  refunded_minor bigint not null,
  primary key (organisation_id, game_id, day, currency_code)
);

-- One row; whoever locks it rolls up.
create table rollup_cursor (
  only_row boolean primary key default true check (only_row),
  txid xid8 not null,
  fact_id bigint not null
);
insert into rollup_cursor (txid, fact_id) values ('0', 0);
