-- The double-entry ledger. An entry above zero is a credit (what we owe, what we earned), below zero a debit (what we are owed).

create table ledger_accounts (
  account_id uuid primary key,
  kind text not null check (kind in ('provider_receivable', 'platform_fees', 'organisation_payable')),
  organisation_id uuid,
  currency_code text not null check (currency_code ~ '^[A-Z]{3}$'),
  unique nulls not distinct (kind, organisation_id, currency_code),
  unique (account_id, currency_code),
  check ((organisation_id is not null) = (kind = 'organisation_payable'))
);
create index ledger_accounts_organisation on ledger_accounts (organisation_id) where organisation_id is not null;

create table ledger_transactions (
  transaction_id uuid primary key,
  payment_id uuid not null references payments,
  kind text not null check (kind in ('capture', 'refund')),
  create_time timestamptz not null,
  -- The database transaction that wrote it, and the only one that may add entries.
  txid xid8 not null,
  unique (payment_id, kind)
);

create table ledger_entries (
  transaction_id uuid not null references ledger_transactions,
  account_id uuid not null,
  currency_code text not null,
  units_minor bigint not null check (units_minor <> 0),
  primary key (transaction_id, account_id),
  foreign key (account_id, currency_code) references ledger_accounts (account_id, currency_code)
);
-- Balances and their pages are read from this alone.
create index ledger_entries_account on ledger_entries (account_id, transaction_id desc)
  include (currency_code, units_minor);

create function stamp_ledger_transaction() returns trigger language plpgsql as $$
begin
  new.txid := pg_current_xact_id();
  return new;
end $$;
create trigger stamp before insert on ledger_transactions
  for each row execute function stamp_ledger_transaction();

create function refuse_late_ledger_entry() returns trigger language plpgsql as $$
begin
  if not exists (select from ledger_transactions
                 where transaction_id = new.transaction_id and txid = pg_current_xact_id()) then
    raise exception 'ledger transaction % is closed', new.transaction_id using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger refuse_late before insert on ledger_entries
  for each row execute function refuse_late_ledger_entry();

create function check_ledger_transaction() returns trigger language plpgsql as $$
begin
  if not exists (select from ledger_entries where transaction_id = new.transaction_id) then
    raise exception 'ledger transaction % has no entries', new.transaction_id using errcode = 'check_violation';
  end if;
  if exists (select from ledger_entries where transaction_id = new.transaction_id
             group by currency_code having sum(units_minor) <> 0) then
    raise exception 'ledger transaction % is not balanced', new.transaction_id using errcode = 'check_violation';
  end if;
  return null;
end $$;
create constraint trigger check_balance after insert on ledger_transactions
  deferrable initially deferred for each row execute function check_ledger_transaction();
create constraint trigger check_balance after insert on ledger_entries
  deferrable initially deferred for each row execute function check_ledger_transaction();

create function refuse_ledger_change() returns trigger language plpgsql as $$
begin
  raise exception '% of % is refused: the ledger is only added to', tg_op, tg_table_name
    using errcode = 'check_violation';
end $$;
create trigger refuse_change before update or delete or truncate on ledger_accounts
  for each statement execute function refuse_ledger_change();
create trigger refuse_change before update or delete or truncate on ledger_transactions
  for each statement execute function refuse_ledger_change();
create trigger refuse_change before update or delete or truncate on ledger_entries
  for each statement execute function refuse_ledger_change();
