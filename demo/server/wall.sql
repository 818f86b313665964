-- One row for each open wall: what all of its tiles show. Its changes take the way of the bank's: a trigger announces them, and
-- the server hears of them when they are committed.

create table if not exists ledger.walls (
  id       text primary key,
  -- Whole euros.
  amount   integer not null default 24000 check (amount > 0),
  version  integer not null default 0
);

-- One event for each version, so a burst of 500 changes in one statement is 500 events at one commit.
create or replace function ledger.announce_wall() returns trigger language plpgsql as $$
begin
  perform pg_notify(
    'ledger_events',
    jsonb_build_object(
      'userId', 'wall-' || new.id,
      'name', 'balance_updated',
      'metadata', jsonb_build_object('accountId', new.id),
      'nonce', step
    )::text
  ) from generate_series(old.version + 1, new.version) as step;
  return null;
end;
$$;

create or replace trigger walls_announce
  after update on ledger.walls
  for each row execute function ledger.announce_wall();
