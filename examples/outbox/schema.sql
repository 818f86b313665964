-- The outbox: events are rows, written in the transaction that makes them true. Running this file again changes nothing.
--
--   begin;
--     update accounts set balance = balance + 10 where id = 7;
--     select outbox.add('ann', 'balance_updated', '{"accountId": "7"}');
--   commit;

create schema if not exists outbox;

create table if not exists outbox.events (
  entry        bigint generated always as identity primary key,
  -- In the order of the commits; given at the commit, so nobody ever sees a row without it but its own transaction.
  id           bigint unique,
  numbered_at  timestamptz,
  -- Whose browsers hear it; null: everybody's.
  user_id      text,
  event        text not null,
  metadata     jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  -- What `originOf(request)` gave: the tab that asked knows its own events. A hash, so it may stay here.
  origin       text,
  -- Milliseconds over which browsers spread their fetches, for what goes to very many.
  spread_ms    integer
);

create sequence if not exists outbox.numbers;

create table if not exists outbox.state (
  only_row  boolean primary key default true check (only_row),
  -- The last event that the relay has handed on; null before the first one, and after outbox.restored().
  relayed   bigint,
  -- The last event that was pruned.
  pruned    bigint not null default 0
);
insert into outbox.state default values on conflict do nothing;

create or replace function outbox.add(user_id text, event text, metadata jsonb default '{}', origin text default null)
returns void language sql as $$
  insert into outbox.events (user_id, event, metadata, origin) values ($1, $2, $3, $4);
$$;

-- A sequence alone is not in the order of the commits: 10 may be committed after 11, and a reader that has seen 11 would
-- never look for it. So numbers are given under a lock that is held until the commit is done. It is taken at the very end
-- of the transaction (the trigger is deferred), when there is nothing left to wait for: it is held for the commit alone, and
-- takes part in no deadlock, but for what other deferred constraints of the transaction lock after it. NOTIFY lets commits
-- through one at a time anyway.
-- Never by a sequential scan: a plan that was made and kept when the table had just been pruned would read all of it for
-- every row, under the lock, until the next ANALYZE.
create or replace function outbox.number() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  perform pg_advisory_xact_lock(hashtext('outbox'), 1);
  update outbox.events set id = nextval('outbox.numbers'), numbered_at = clock_timestamp() where entry = new.entry;
  perform pg_notify('outbox', '');
  return null;
end;
$$;

do $$
begin
  if not exists (select from pg_trigger where tgname = 'number_at_commit' and tgrelid = 'outbox.events'::regclass) then
    create constraint trigger number_at_commit
      after insert on outbox.events deferrable initially deferred
      for each row execute function outbox.number();
  end if;
end;
$$;

-- Forgets what is older, and remembers up to where: who comes later knows that it has missed something.
create or replace function outbox.prune(keep interval) returns bigint language sql as $$
  with
    gone as (
      delete from outbox.events
       where id <= (select max(id) from outbox.events where numbered_at < clock_timestamp() - keep)
      returning id
    ),
    noted as (
      update outbox.state set pruned = greatest(pruned, (select max(id) from gone)) where exists (select from gone)
    )
  select count(*) from gone;
$$;

-- After a restore from a backup, or a failover that lost commits: what browsers and relays know is of a time that never was.
-- Numbers go on where nobody has heard of any; whoever has an older one fetches, and the relay tells of a gap.
create or replace function outbox.restored() returns void language sql as $$
  select pg_advisory_xact_lock(hashtext('outbox'), 1);
  delete from outbox.events;
  update outbox.state
     set relayed = null, pruned = setval('outbox.numbers', (select last_value + 1000000000 from outbox.numbers));
  select pg_notify('outbox', '');
$$;
