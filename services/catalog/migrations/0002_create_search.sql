-- What search reads: derived from the other tables, in the transaction that changes them, for published games only.

create extension if not exists pg_trgm;

create table search_documents (
  game_id uuid primary key references games,
  publish_time timestamptz not null,
  -- The title in the default language, folded: for the order by title, and to tell how near a query is to it.
  title_key text collate "C" not null,
  -- Words of titles (weight A), tags and developer (B): for the rank, so it is small.
  head tsvector not null,
  -- Words of all texts in all languages: to be found by. Only the index is read.
  document tsvector not null,
  tags text[] not null,
  platforms text[] not null,
  -- In lower case and with the languages that they are variants of: pt-BR is {pt,pt-br}.
  languages text[] not null
);
create index search_documents_by_time on search_documents (publish_time, game_id);
create index search_documents_by_title on search_documents (title_key, game_id);
-- Entries are inserted at once: a list of pending ones would be read by every search.
create index search_documents_by_content on search_documents using gin (document, tags, platforms, languages)
  with (fastupdate = off);

-- The words of each head: who mistypes a word is understood as meaning the most similar ones.
create table search_words (
  word text not null,
  game_id uuid not null references search_documents on delete cascade,
  primary key (word, game_id)
);
create index search_words_by_game on search_words (game_id);
create index search_words_by_trigrams on search_words using gin (word gin_trgm_ops) with (fastupdate = off);

-- The cheapest edition of each game for each currency and country. A buyer in a country without a row of its own gets the
-- one whose country is NULL; `except_countries` of that row are those that have one.
create table search_prices (
  game_id uuid not null references search_documents on delete cascade,
  currency_code text not null,
  country_code text,
  units_minor bigint not null,
  edition_id uuid not null references editions,
  except_countries text[] not null,
  unique nulls not distinct (game_id, currency_code, country_code)
);
create index search_prices_by_amount on search_prices (currency_code, units_minor, game_id);
