-- The sandbox provider's own books: an outside party, which no other table refers to.

create table sandbox_charges (
  intent_id text primary key,
  idempotency_key text not null unique,
  order_id text not null,
  payment_method text not null,
  currency_code text not null,
  units_minor bigint not null check (units_minor > 0),
  client_secret text not null,
  state text not null check (state in ('requires_action', 'succeeded', 'failed')),
  decline_code text,
  -- From when on the sandbox tells its state; before, it says that the payment is processing.
  settle_time timestamptz not null,
  -- From when on the money is back; before, the refund is pending.
  refund_time timestamptz,
  check ((decline_code is not null) = (state = 'failed')),
  check (refund_time is null or state = 'succeeded')
);

-- Webhooks that were not acknowledged yet.
create table sandbox_webhooks (
  event_id text primary key,
  body text not null,
  deliver_time timestamptz not null,
  attempts integer not null default 0
);
create index sandbox_webhooks_deliver_time on sandbox_webhooks (deliver_time);
