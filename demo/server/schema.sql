-- Ledger's tables. Everything lives in a schema of its own, and running this file again changes nothing.
--
-- The events of the demo come from here: a trigger announces what happened with NOTIFY, which PostgreSQL delivers when the
-- transaction commits, and not at all when it rolls back. So no route can forget an event, none can send one too early
-- (a client would refetch the old data), and a refused payment announces nothing.

create schema if not exists ledger;

create table if not exists ledger.users (
  id    integer primary key,
  name  text not null
);

create table if not exists ledger.profiles (
  user_id       integer primary key references ledger.users,
  display_name  text not null,
  email         text not null,
  phone         text not null
);

create table if not exists ledger.accounts (
  id             integer primary key,
  user_id        integer not null references ledger.users,
  name           text not null,
  iban           text not null,
  balance_cents  integer not null default 0 check (balance_cents >= 0)
);

create table if not exists ledger.transactions (
  id            bigint generated always as identity primary key,
  account_id    integer not null references ledger.accounts,
  type          text not null check (type in ('card', 'transfer', 'salary', 'fee')),
  amount_cents  integer not null check (amount_cents <> 0),
  counterparty  text not null,
  created_at    timestamptz not null default now()
);

create index if not exists transactions_newest_first
  on ledger.transactions (account_id, created_at desc, id desc);

create table if not exists ledger.loans (
  id            integer primary key,
  user_id       integer not null references ledger.users,
  title         text not null,
  amount_cents  integer not null,
  rate_percent  numeric(4, 2) not null,
  months        integer not null,
  status        text not null check (status in ('offered', 'accepted', 'repaid'))
);

-- The request's origin, if the transaction has one (see `from` in database.ts), in Partyline's reserved field `_line`. The tab
-- that made the request has its answer, and does not refetch for its own write.
create or replace function ledger.mark() returns jsonb language sql stable as $$
  select case coalesce(current_setting('partyline.origin', true), '')
    when '' then '{}'::jsonb
    else jsonb_build_object('_line', jsonb_build_object('origin', current_setting('partyline.origin', true)))
  end;
$$;

-- One small JSON per event. `nonce` is there because PostgreSQL folds equal notifications of one transaction into one:
-- give one where every occurrence counts, leave it out where once is enough.
create or replace function ledger.announce(user_id integer, name text, metadata jsonb, nonce text default null)
returns void language sql as $$
  select pg_notify(
    'ledger_events',
    jsonb_build_object('userId', user_id::text, 'name', name, 'metadata', metadata || ledger.mark(), 'nonce', nonce)::text
  );
$$;

-- A transaction and the balance it changes are one statement's work: they commit together or not at all. One update per
-- account, however many rows came in.
create or replace function ledger.apply_to_balances() returns trigger language plpgsql as $$
begin
  update ledger.accounts
     set balance_cents = balance_cents + fresh.change
    from (select account_id, sum(amount_cents)::integer as change from incoming group by account_id) as fresh
   where accounts.id = fresh.account_id;
  return null;
end;
$$;

create or replace trigger transactions_change_balances
  after insert on ledger.transactions
  referencing new table as incoming
  for each statement execute function ledger.apply_to_balances();

create or replace function ledger.announce_transaction() returns trigger language plpgsql as $$
begin
  perform ledger.announce(
    (select user_id from ledger.accounts where id = new.account_id),
    'transaction_happened',
    jsonb_build_object('accountId', new.account_id::text, 'txType', new.type),
    new.id::text
  );
  return null;
end;
$$;

create or replace trigger transactions_announce
  after insert on ledger.transactions
  for each row execute function ledger.announce_transaction();

create or replace function ledger.announce_balance() returns trigger language plpgsql as $$
begin
  perform ledger.announce(new.user_id, 'balance_updated', jsonb_build_object('accountId', new.id::text));
  return null;
end;
$$;

create or replace trigger accounts_announce
  after update on ledger.accounts
  for each row when (old.balance_cents is distinct from new.balance_cents)
  execute function ledger.announce_balance();

create or replace function ledger.announce_loan() returns trigger language plpgsql as $$
begin
  perform ledger.announce(new.user_id, 'loan_status_changed', jsonb_build_object('loanId', new.id::text));
  return null;
end;
$$;

create or replace trigger loans_announce
  after update on ledger.loans
  for each row when (old.status is distinct from new.status)
  execute function ledger.announce_loan();

create or replace function ledger.announce_profile() returns trigger language plpgsql as $$
begin
  perform ledger.announce(new.user_id, 'profile_updated', '{}'::jsonb);
  return null;
end;
$$;

create or replace trigger profiles_announce
  after update on ledger.profiles
  for each row when (old.* is distinct from new.*)
  execute function ledger.announce_profile();
