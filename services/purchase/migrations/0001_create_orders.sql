-- What users are about to buy: one cart each, priced in one currency for one country.
create table carts (
  user_id uuid primary key,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  country_code text not null check (country_code ~ '^[A-Z]{2}$')
);

-- A game is bought once, so a cart holds one edition of it. `units_minor` is the price that the buyer knows of; a price is at
-- most 10^12, as in catalog, so that 50 of them can be summed.
create table cart_items (
  user_id uuid not null references carts,
  game_id uuid not null,
  edition_id uuid not null,
  game_title text not null,
  edition_name text not null,
  units_minor bigint not null check (units_minor between 0 and 1000000000000),
  position bigint generated always as identity,
  primary key (user_id, game_id)
);

-- `payment_id` is the latest attempt to pay, `claimed_edition_id` the edition of a free claim. While the outcome is with
-- payment, `check_time` says when to ask for it again. From `expire_time` on no attempt begins; an order that is cancelled
-- keeps it only when that was why.
create table orders (
  order_id uuid primary key,
  user_id uuid not null,
  state text not null check (state in ('pending', 'paying', 'requires_action', 'completed', 'cancelled', 'refunding',
                                       'refunded')),
  state_time timestamptz not null,
  check_time timestamptz,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  units_minor bigint not null check (units_minor between 0 and 50000000000000),
  payment_id uuid,
  claimed_edition_id uuid,
  create_time timestamptz not null,
  expire_time timestamptz,
  complete_time timestamptz,
  refund_time timestamptz,
  refund_reason text,
  check ((check_time is not null) = (state in ('paying', 'requires_action', 'refunding'))),
  check (state = 'cancelled' or (expire_time is not null) = (state in ('pending', 'paying', 'requires_action'))),
  check ((complete_time is not null) = (state in ('completed', 'refunding', 'refunded'))),
  check ((refund_time is not null) = (state = 'refunded')),
  -- Nothing that costs something goes without a payment.
  check (state in ('pending', 'cancelled') or (units_minor > 0) = (payment_id is not null))
);
create index orders_of_user on orders (user_id, order_id desc);
create index orders_to_check on orders (check_time) where check_time is not null;
create index orders_to_expire on orders (expire_time) where state = 'pending';
create unique index orders_claimed_once on orders (user_id, claimed_edition_id) where state <> 'refunded';

create table order_items (
  order_id uuid not null references orders,
  position smallint not null,
  edition_id uuid not null,
  game_id uuid not null,
  organisation_id uuid not null,
  game_title text not null,
  edition_name text not null,
  units_minor bigint not null check (units_minor between 0 and 1000000000000),
  primary key (order_id, position),
  unique (order_id, game_id)
);

-- Attempts to pay. `payment_id` is the key under which payment charges once, so the same one may be asked for again and
-- again. The token and the way to the bank are forgotten once the outcome is known.
create table payment_attempts (
  payment_id uuid primary key,
  order_id uuid not null references orders,
  state text not null check (state in ('open', 'captured', 'failed')),
  payment_method_token text,
  redirect_url text,
  client_secret text,
  decline_code text,
  decline_message text,
  create_time timestamptz not null,
  unique (order_id, payment_id),
  check ((state = 'open') = (payment_method_token is not null)),
  check (state = 'open' or (redirect_url is null and client_secret is null)),
  check ((state = 'failed') = (decline_code is not null))
);
-- At most one attempt of an order is open or has taken money.
create unique index payment_attempts_one_charge on payment_attempts (order_id) where state <> 'failed';
alter table orders add foreign key (order_id, payment_id) references payment_attempts (order_id, payment_id);

-- Whose game was bought with which order, from the moment in which its payment begins until it fails or is refunded: so
-- that no game is paid for twice, however many orders it is in.
create table purchased_games (
  user_id uuid not null,
  game_id uuid not null,
  order_id uuid not null references orders,
  primary key (user_id, game_id)
);
create index purchased_games_of_order on purchased_games (order_id);
