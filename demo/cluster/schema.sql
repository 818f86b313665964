-- What Ledger has besides (see demo/server/schema.sql) when it runs in several processes. Running it again changes nothing.

-- Who is signed in: a request may come to any process.
create table if not exists ledger.sessions (
  id       text primary key,
  user_id  text not null
);

create table if not exists ledger.socket_tokens (
  token       text primary key,
  session_id  text not null references ledger.sessions on delete cascade,
  expires_at  timestamptz not null
);

-- Every process would receive a NOTIFY, and each would send the event. A row of the outbox is sent by one of them.
create or replace function ledger.announce(user_id integer, name text, metadata jsonb, nonce text default null)
returns void language sql as $$
  select outbox.add(user_id::text, name, metadata, nullif(current_setting('partyline.origin', true), ''));
$$;
