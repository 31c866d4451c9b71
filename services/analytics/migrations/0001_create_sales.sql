-- What happened to one item of an order, once and for all: rows are only added, in any order, and adding one again changes
-- nothing. Only `rolled_up` moves, when the row has been added to daily_sales.
create table sale_facts (
  order_id uuid not null,
  edition_id uuid not null,
  kind text not null check (kind in ('sale', 'claim', 'refund')),
  organisation_id uuid not null,
  game_id uuid not null,
  game_title text not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  units_minor bigint not null check (units_minor >= 0),
  fact_time timestamptz not null,
  rolled_up boolean not null default false,
  primary key (order_id, edition_id, kind),
  check ((kind = 'claim') = (units_minor = 0))
);
create index sale_facts_to_roll_up on sale_facts (fact_time) where not rolled_up;
create index sale_facts_titles on sale_facts (game_id, fact_time desc) where kind <> 'refund';

-- Sums of the facts that were rolled up, by the day (UTC) on which they happened.
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
