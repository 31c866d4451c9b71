-- Games with their texts, editions and prices.

create table games (
  game_id uuid primary key,
  organisation_id uuid not null,
  external_id text,
  state text not null default 'draft' check (state in ('draft', 'published', 'unpublished')),
  tags text[] not null default '{}',
  platforms text[] not null default '{}' check (platforms <@ '{linux,windows,macos,web}'),
  languages text[] not null default '{}',
  minimum_age integer not null default 0 check (minimum_age between 0 and 21),
  developer_name text,
  license text,
  homepage_url text,
  screenshot_urls text[] not null default '{}',
  version text,
  release_notes text,
  -- Counts the changes of the game, its editions and prices: the etag.
  revision bigint not null default 0,
  create_time timestamptz not null,
  update_time timestamptz not null,
  -- Of the first time.
  publish_time timestamptz,
  unique (organisation_id, external_id),
  check (state = 'draft' or publish_time is not null)
);
create index games_by_organisation on games (organisation_id, game_id);

create table game_texts (
  game_id uuid not null references games,
  -- 0 is the default language.
  position integer not null check (position >= 0),
  language text not null,
  title text not null check (title <> ''),
  summary text,
  description text,
  primary key (game_id, position)
);
create unique index game_texts_by_language on game_texts (game_id, lower(language));

create table editions (
  edition_id uuid primary key,
  game_id uuid not null references games,
  name text not null check (name <> ''),
  unique (game_id, name)
);

create table edition_prices (
  edition_id uuid not null references editions,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  -- NULL is for all countries that have no price of their own.
  country_code text check (country_code ~ '^[A-Z]{2}$'),
  -- Bounded, so that sums fit into a bigint.
  units_minor bigint not null check (units_minor between 0 and 1000000000000),
  unique nulls not distinct (edition_id, currency_code, country_code)
);

-- What an edition costs in a currency for a buyer in a country: the price of that country, else the one for all. NULL when
-- it is not sold there. The country may be NULL or empty.
create function edition_price(edition_id uuid, currency_code text, country_code text) returns bigint
language sql stable as $$
  select p.units_minor from edition_prices p
  where p.edition_id = $1 and p.currency_code = $2 and (p.country_code = $3 or p.country_code is null)
  order by p.country_code nulls last limit 1
$$;
