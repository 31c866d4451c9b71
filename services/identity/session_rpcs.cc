#include <algorithm>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/auth/tokens.h"
#include "common/base/random.h"
#include "playmesh/identity/v1/identity_events.pb.h"
#include "services/identity/identity_service.h"
#include "services/identity/permissions.h"
#include "services/identity/unicode.h"
#include "services/identity/users.h"

namespace playmesh::identity {
namespace {

constexpr absl::Duration kSessionLifetime = absl::Hours(24 * 30);
constexpr absl::Duration kSessionIdleLifetime = absl::Hours(24 * 14);
// How long after its first exchange a refresh token is taken again.
constexpr absl::Duration kReuseGrace = absl::Seconds(10);
// Unspent refresh tokens of a session: one, and those of answers that were lost.
constexpr int kMaxUnspentTokens = 5;
constexpr int kMaxExpiredSessions = 1000;
// Access tokens travel in a header, so they cannot grow without bound.
constexpr int kMaxOrganisationClaims = 50;

// What secret scanners find a leaked token by.
constexpr absl::string_view kRefreshTokenPrefix = "playmesh_rt_";
constexpr size_t kRefreshTokenBytes = 32;

absl::Status SessionEnded() {
  return Error(absl::StatusCode::kUnauthenticated, ERROR_REASON_SESSION_ENDED,
               "the session has ended: sign in again");
}

struct Session {
  std::string session_id;
  std::string user_id;
  absl::Time create_time;
};

absl::Time ExpireTime(absl::Time create_time, absl::Time now) {
  return std::min(now + kSessionIdleLifetime, create_time + kSessionLifetime);
}

// The session of a refresh token, which nobody else can change until `tx` ends. UNAUTHENTICATED
// (SESSION_ENDED) unless it is open.
absl::StatusOr<Session> LockSession(Transaction& tx, const std::string& token_hash,
                                    absl::Time now) {
  using Row = std::tuple<std::string, std::string, absl::Time>;
  auto row = tx.QueryMaybe<Row>(R"(
      select session_id, user_id, create_time from sessions s
      where session_id = (select session_id from refresh_tokens where token_hash = :token_hash)
        and revoke_time is null and expire_time > :now
        and exists (select from users u where u.user_id = s.user_id and status = 'active')
      for update)",
                                db::Bytes{token_hash}, now);
  RETURN_IF_ERROR(row);
  if (!*row) return SessionEnded();
  return std::make_from_tuple<Session>(**std::move(row));
}

// When the token of a locked session was first exchanged: `now`, unless it was before.
absl::StatusOr<absl::Time> SpendToken(Transaction& tx, const std::string& token_hash,
                                      absl::Time now) {
  ASSIGN_OR_RETURN(const auto use_time, tx.QueryMaybe<absl::Time>(R"(
      update refresh_tokens set use_time = coalesce(use_time, :now) where token_hash = :token_hash
      returning use_time)",
                                                                  now, db::Bytes{token_hash}));
  // It gave way to newer ones while this call waited for the lock.
  if (!use_time) return SessionEnded();
  return *use_time;
}

// A new refresh token of a locked session; the oldest unspent one gives way to it when there are
// many.
absl::StatusOr<std::string> AddRefreshToken(Transaction& tx, const std::string& session_id,
                                            absl::Time now) {
  const std::string token =
      absl::StrCat(kRefreshTokenPrefix, absl::WebSafeBase64Escape(RandomBytes(kRefreshTokenBytes)));
  const std::string token_hash = Sha256(token);
  RETURN_IF_ERROR(tx.Execute(R"(
      delete from refresh_tokens where token_hash in (
        select token_hash from refresh_tokens where session_id = :session_id and use_time is null
        order by create_time desc offset :others))",
                             session_id, kMaxUnspentTokens - 1));
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into refresh_tokens (token_hash, session_id, create_time)
      values (:token_hash, :session_id, :now))",
                             db::Bytes{token_hash}, session_id, now));
  return token;
}

// The organisations of a user, and the user's role in each.
absl::StatusOr<absl::flat_hash_map<std::string, std::string>> LoadOrganisations(
    Transaction& tx, const std::string& user_id) {
  auto rows = tx.Query<std::tuple<std::string, std::string>>(R"(
      select organisation_id, role from organisation_members where user_id = :user_id
      order by organisation_id limit :limit)",
                                                             user_id, kMaxOrganisationClaims);
  RETURN_IF_ERROR(rows);
  absl::flat_hash_map<std::string, std::string> organisations;
  for (auto& [organisation_id, role] : *rows) organisations[organisation_id] = std::move(role);
  return organisations;
}

}  // namespace

IdentityService::IdentityService(Deps deps)
    : db_(deps.db),
      clock_(deps.clock),
      outbox_(deps.outbox),
      keys_(std::move(deps.keys)),
      issuer_(std::move(deps.issuer)),
      access_token_lifetime_(deps.access_token_lifetime),
      hasher_(static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))) {}

absl::StatusOr<std::optional<std::string>> IdentityService::Authenticate(
    absl::string_view email, absl::string_view password) {
  using Credentials = std::tuple<std::string, std::string>;
  const std::string email_folded = NfkcCasefold(email);
  auto known = db_.Transact([&](Transaction& tx) {
    return tx.QueryMaybe<Credentials>(R"(
        select user_id, password_hash from users
        where email_folded = :email_folded and status = 'active')",
                                      email_folded);
  });
  RETURN_IF_ERROR(known);
  std::optional<std::string> user_id;
  std::optional<std::string> password_hash;
  if (*known) std::tie(user_id, password_hash) = **known;
  ASSIGN_OR_RETURN(const bool right, hasher_.Verify(Nfkc(password), password_hash));
  return right ? user_id : std::nullopt;
}

absl::StatusOr<SignInResponse> IdentityService::SignIn(const Caller& caller,
                                                       const SignInRequest& request) {
  ASSIGN_OR_RETURN(const auto user_id, Authenticate(request.email(), request.password()));
  if (!user_id) {
    return Error(absl::StatusCode::kUnauthenticated, ERROR_REASON_WRONG_CREDENTIALS,
                 "the address or the password is wrong");
  }
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<SignInResponse> {
    const absl::Time now = clock_.Now();
    const std::string session_id = NewUuid(now);
    const absl::Time expire_time = ExpireTime(now, now);
    SignInResponse response;
    ASSIGN_OR_RETURN(*response.mutable_user(), LoadUser(tx, *user_id));
    RETURN_IF_ERROR(tx.Execute(R"(
        insert into sessions (session_id, user_id, device_name, create_time, refresh_time,
                              expire_time)
        values (:session_id, :user_id, :device_name, :now, :now, :expire_time))",
                               session_id, *user_id, db::NullIfEmpty(request.device_name()), now,
                               expire_time));
    ASSIGN_OR_RETURN(*response.mutable_tokens(),
                     IssueTokens(tx, session_id, response.user(), expire_time));
    return response;
  });
}

absl::StatusOr<RefreshSessionResponse> IdentityService::RefreshSession(
    const Caller& caller, const RefreshSessionRequest& request) {
  const std::string token_hash = Sha256(request.refresh_token());
  bool reused = false;
  auto response = db_.Transact([&](Transaction& tx) -> absl::StatusOr<RefreshSessionResponse> {
    const absl::Time now = clock_.Now();
    RefreshSessionResponse refreshed;
    ASSIGN_OR_RETURN(const Session session, LockSession(tx, token_hash, now));
    ASSIGN_OR_RETURN(const absl::Time use_time, SpendToken(tx, token_hash, now));
    reused = now - use_time > kReuseGrace;
    if (reused) {
      // Not an error yet: the end of the session has to be committed.
      RETURN_IF_ERROR(EndSession(tx, token_hash, /*token_reused=*/true));
      return refreshed;
    }
    const absl::Time expire_time = ExpireTime(session.create_time, now);
    RETURN_IF_ERROR(tx.Execute(R"(
        update sessions set refresh_time = :now, expire_time = :expire_time
        where session_id = :session_id)",
                               now, expire_time, session.session_id));
    ASSIGN_OR_RETURN(const User user, LoadUser(tx, session.user_id));
    ASSIGN_OR_RETURN(*refreshed.mutable_tokens(),
                     IssueTokens(tx, session.session_id, user, expire_time));
    return refreshed;
  });
  if (response.ok() && reused) {
    return Error(absl::StatusCode::kUnauthenticated, ERROR_REASON_REFRESH_TOKEN_REUSED,
                 "the refresh token was used before, so the session was ended: sign in again");
  }
  return response;
}

absl::StatusOr<SignOutResponse> IdentityService::SignOut(const Caller& caller,
                                                         const SignOutRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<SignOutResponse> {
    RETURN_IF_ERROR(EndSession(tx, Sha256(request.refresh_token()), /*token_reused=*/false));
    return SignOutResponse();
  });
}

absl::Status IdentityService::EndSession(Transaction& tx, const std::string& token_hash,
                                         bool token_reused) {
  auto ended = tx.QueryMaybe<SessionRevoked>(R"(
      update sessions set revoke_time = :now
      where session_id = (select session_id from refresh_tokens where token_hash = :token_hash)
        and revoke_time is null and expire_time > :now
      returning user_id, session_id)",
                                             clock_.Now(), db::Bytes{token_hash});
  RETURN_IF_ERROR(ended);
  if (!*ended) return absl::OkStatus();
  (*ended)->set_token_reused(token_reused);
  return outbox_.Add(tx, **ended);
}

absl::StatusOr<Tokens> IdentityService::IssueTokens(Transaction& tx, const std::string& session_id,
                                                    const User& user,
                                                    absl::Time session_expire_time) {
  const absl::Time now = clock_.Now();
  Tokens tokens;
  ASSIGN_OR_RETURN(*tokens.mutable_refresh_token(), AddRefreshToken(tx, session_id, now));
  *tokens.mutable_refresh_token_expire_time() = ToTimestamp(session_expire_time);

  auth::AccessClaims claims;
  claims.issuer = issuer_;
  claims.user_id = user.user_id();
  claims.session_id = session_id;
  for (int role : user.roles()) claims.roles.push_back(db::EnumText(Role_descriptor(), role));
  claims.permissions = PermissionsOf(user.roles());
  ASSIGN_OR_RETURN(claims.organisations, LoadOrganisations(tx, user.user_id()));
  claims.issue_time = now;
  // The claim has whole seconds.
  claims.expire_time = absl::FromUnixSeconds(
      absl::ToUnixSeconds(std::min(now + access_token_lifetime_, session_expire_time)));
  claims.token_id = NewUuid(now);
  ASSIGN_OR_RETURN(*tokens.mutable_access_token(), auth::SignAccessToken(keys_.keys()[0], claims));
  *tokens.mutable_access_token_expire_time() = ToTimestamp(claims.expire_time);
  return tokens;
}

absl::Status IdentityService::DeleteExpiredSessions() {
  return AsStatus(db_.Transact([&](Transaction& tx) {
    return tx.Execute(R"(
        delete from sessions where session_id in (
          select session_id from sessions where expire_time < :now
          limit :limit for update skip locked))",
                      clock_.Now(), kMaxExpiredSessions);
  }));
}

absl::StatusOr<google::api::HttpBody> IdentityService::GetJwks(const Caller& caller,
                                                               const GetJwksRequest& request) {
  google::api::HttpBody body;
  body.set_content_type("application/jwk-set+json");  // RFC 7517, section 8.5.2
  body.set_data(keys_.ToPublicJson());
  return body;
}

}  // namespace playmesh::identity
