-- Payments, for whom they are, and what providers told.

create table payments (
  payment_id uuid primary key,
  order_id uuid not null,
  user_id uuid not null,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  units_minor bigint not null check (units_minor between 1 and 50000000000000),
  -- Of the request that made it, so that one id never means two payments.
  request_hash bytea not null,
  -- What the platform keeps, as it was agreed when the payment was made.
  fee_basis_points integer not null check (fee_basis_points between 0 and 10000),
  provider text not null check (provider in ('sandbox', 'stripe')),
  provider_reference text,
  state text not null
    check (state in ('processing', 'requires_action', 'captured', 'failed', 'refunding', 'refunded')),
  -- Kept only as long as the provider may have to be asked again with it.
  payment_method_token text,
  redirect_url text,
  client_secret text,
  decline_code text,
  decline_message text,
  -- When to ask the provider next. Whoever asks moves it on first, so that two replicas do not ask at once.
  ask_time timestamptz,
  ask_count integer not null default 0,
  create_time timestamptz not null,
  unique (provider, provider_reference),
  check ((payment_method_token is not null) = (state = 'processing')),
  check ((client_secret is not null) = (state = 'requires_action')),
  check (redirect_url is null or state = 'requires_action'),
  check ((decline_code is not null) = (state = 'failed')),
  check ((decline_message is not null) = (state = 'failed')),
  check ((ask_time is not null) = (state in ('processing', 'requires_action', 'refunding'))),
  check (provider_reference is not null or state in ('processing', 'failed'))
);
create index payments_ask_time on payments (ask_time) where ask_time is not null;

-- Gross, before the fee; sums to the payment.
create table payment_splits (
  payment_id uuid not null references payments,
  organisation_id uuid not null,
  units_minor bigint not null check (units_minor >= 0),
  primary key (payment_id, organisation_id)
);

-- Webhook events that took effect.
create table provider_events (
  provider text not null,
  event_id text not null,
  type text not null,
  receive_time timestamptz not null,
  primary key (provider, event_id)
);
create index provider_events_receive_time on provider_events (receive_time);
