-- Accounts. Erasing one deletes its row, and all that hangs on it.
create table users (
  user_id uuid primary key,
  email text not null,
  -- NFKC_Casefold of the address: who has it, whatever the case it is written in.
  email_folded text not null unique,
  -- Argon2id in its encoded form, which names its parameters and its salt.
  password_hash text not null check (password_hash like '$argon2id$%'),
  display_name text not null check (display_name <> ''),
  locale text not null check (locale <> ''),
  country_code text not null check (country_code ~ '^[A-Z]{2}$'),
  -- A suspended account can neither sign in nor refresh a session.
  status text not null default 'active' check (status in ('active', 'suspended')),
  -- The etag: grows with every change of the account, its roles included.
  version bigint not null default 1,
  create_time timestamptz not null
);

create table user_roles (
  user_id uuid not null references users on delete cascade,
  role text not null
    check (role in ('player', 'developer', 'moderator', 'administrator', 'support', 'finance')),
  grant_time timestamptz not null,
  primary key (user_id, role)
);

create table organisations (
  organisation_id uuid primary key,
  display_name text not null check (display_name <> ''),
  kind text not null check (kind in ('publisher', 'developer', 'distributor', 'retailer')),
  create_time timestamptz not null
);

create table organisation_members (
  organisation_id uuid not null references organisations on delete cascade,
  user_id uuid not null references users on delete cascade,
  role text not null check (role in ('owner', 'member')),
  primary key (organisation_id, user_id)
);
create index organisation_members_user_id on organisation_members (user_id);

-- A session is one family of refresh tokens.
create table sessions (
  session_id uuid primary key,
  user_id uuid not null references users on delete cascade,
  device_name text,
  create_time timestamptz not null,
  refresh_time timestamptz not null,
  -- When it ends by itself, unless it is refreshed before.
  expire_time timestamptz not null check (expire_time > create_time),
  revoke_time timestamptz
);
create index sessions_user_id on sessions (user_id);
create index sessions_expire_time on sessions (expire_time);

-- Spent tokens are kept as long as their session, since it is their return that gives a thief away.
create table refresh_tokens (
  -- SHA-256; the token itself is kept nowhere.
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  session_id uuid not null references sessions on delete cascade,
  create_time timestamptz not null,
  -- When it was first exchanged.
  use_time timestamptz
);
create index refresh_tokens_session_id on refresh_tokens (session_id);
