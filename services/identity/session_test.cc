#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "playmesh/identity/v1/identity_events.pb.h"
#include "services/identity/identity_config.h"
#include "services/identity/testing.h"

namespace playmesh::identity {
namespace {

// What `count` threads get that exchange `refresh_token` at the same time.
std::vector<absl::StatusOr<Tokens>> RefreshAtOnce(Identity& identity,
                                                  const std::string& refresh_token, int count) {
  std::vector<absl::StatusOr<Tokens>> results(count, absl::UnknownError("not called"));
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] { result = identity.Refresh(refresh_token); });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

}  // namespace

TEST_CASE("SignIn opens a session whose access token says who, and what they may do") {
  Identity identity;
  const User user = identity.Register();
  const Organisation organisation = identity.CreateOrganisation(user.user_id(), "Ada's").value();
  const auto response = identity.SignIn("ada@example.com", kPassword).value();
  CHECK(response.user().user_id() == user.user_id());

  const Caller caller = identity.Verify(response.tokens().access_token()).value();
  CHECK(caller.user_id == user.user_id());
  CHECK(caller.organisations.at(organisation.organisation_id()) == "owner");
  CHECK(caller.Has("catalog.games.publish"));
  CHECK_FALSE(caller.Has("identity.roles.grant"));
  CHECK(caller.session_id ==
        identity.database.Query<std::string>("select session_id from sessions").at(0));
  CHECK(caller.token_expire_time == FromTimestamp(response.tokens().access_token_expire_time()));
}

TEST_CASE("An access token holds for fifteen minutes") {
  Identity identity;
  identity.Register();
  const Tokens tokens = identity.SignIn();
  identity.clock.Advance(absl::Minutes(14));
  CHECK(identity.Verify(tokens.access_token()).ok());
  identity.clock.Advance(absl::Minutes(1));
  CHECK(absl::IsUnauthenticated(identity.Verify(tokens.access_token()).status()));
}

TEST_CASE("Every SignIn opens a session of its own") {
  Identity identity;
  identity.Register();
  const Tokens first = identity.SignIn();
  const Tokens second = identity.SignIn();
  CHECK(identity.Count("select count(*) from sessions") == 2);
  REQUIRE(identity.SignOut(first.refresh_token()).ok());
  CHECK(identity.Refresh(second.refresh_token()).ok());
}

TEST_CASE("SignIn answers the same to a wrong password and to an unknown address") {
  Identity identity;
  identity.Register();
  const absl::Status wrong = identity.SignIn("ada@example.com", "wrong horse battery").status();
  const absl::Status unknown = identity.SignIn("eve@example.com", kPassword).status();
  CHECK(absl::IsUnauthenticated(wrong));
  CHECK(ReasonOf(wrong) == "WRONG_CREDENTIALS");
  CHECK(wrong == unknown);
}

TEST_CASE("SignIn takes address and password however they are written") {
  Identity identity;
  RegisterRequest request = Identity::NewPerson("Ada@Example.com");
  request.set_password("cr\u00e8me br\u00fbl\u00e9e");
  REQUIRE(identity.service.Register({}, request).ok());
  CHECK(identity.SignIn("aDA@example.COM", "cre\u0300me bru\u0302le\u0301e").ok());
}

TEST_CASE("Tokens and passwords are kept as hashes only") {
  Identity identity;
  identity.Register();
  const Tokens tokens = identity.SignIn();
  CHECK(tokens.refresh_token().starts_with("playmesh_rt_"));
  CHECK(identity.database.Query<db::Blob>("select token_hash from refresh_tokens").at(0).data ==
        Sha256(tokens.refresh_token()));
  CHECK(identity.Count("select count(*) from users where password_hash like '$argon2id$%'") == 1);
}

TEST_CASE("RefreshSession gives the next pair of the same session, with the rights of now") {
  Identity identity;
  const User user = identity.Register();
  const Tokens first = identity.SignIn();
  REQUIRE(identity.CreateOrganisation(user.user_id(), "Ada's").ok());
  identity.clock.Advance(absl::Minutes(10));
  const Tokens second = identity.Refresh(first.refresh_token()).value();
  CHECK(second.refresh_token() != first.refresh_token());
  const Caller before = identity.Verify(first.access_token()).value();
  const Caller after = identity.Verify(second.access_token()).value();
  CHECK(after.session_id == before.session_id);
  CHECK_FALSE(before.Has("catalog.games.write"));
  CHECK(after.Has("catalog.games.write"));
  CHECK(identity.Refresh(second.refresh_token()).ok());
}

TEST_CASE("RefreshSession refuses a token that nobody issued") {
  Identity identity;
  const absl::Status status = identity.Refresh("playmesh_rt_guess").status();
  CHECK(absl::IsUnauthenticated(status));
  CHECK(ReasonOf(status) == "SESSION_ENDED");
}

TEST_CASE("A refresh token that comes back ends its session, and no other") {
  Identity identity;
  const User user = identity.Register();
  const Tokens other = identity.SignIn();
  const Tokens first = identity.SignIn();
  const Tokens second = identity.Refresh(first.refresh_token()).value();
  identity.clock.Advance(absl::Seconds(11));

  const absl::Status reused = identity.Refresh(first.refresh_token()).status();
  CHECK(absl::IsUnauthenticated(reused));
  CHECK(ReasonOf(reused) == "REFRESH_TOKEN_REUSED");
  CHECK(ReasonOf(identity.Refresh(second.refresh_token()).status()) == "SESSION_ENDED");
  CHECK(ReasonOf(identity.Refresh(first.refresh_token()).status()) == "SESSION_ENDED");
  CHECK(identity.Refresh(other.refresh_token()).ok());

  const auto events = identity.database.Published<SessionRevoked>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].user_id() == user.user_id());
  CHECK(events[0].session_id() == identity.Verify(first.access_token()).value().session_id);
  CHECK(events[0].token_reused());
}

TEST_CASE("A second exchange within ten seconds gets a pair of its own") {
  Identity identity;
  identity.Register();
  const Tokens first = identity.SignIn();
  const Tokens second = identity.Refresh(first.refresh_token()).value();
  identity.clock.Advance(absl::Seconds(10));
  const Tokens third = identity.Refresh(first.refresh_token()).value();
  CHECK(third.refresh_token() != second.refresh_token());
  CHECK(identity.Refresh(second.refresh_token()).ok());
  CHECK(identity.Refresh(third.refresh_token()).ok());
}

TEST_CASE("The ten seconds count from the first exchange") {
  Identity identity;
  identity.Register();
  const Tokens tokens = identity.SignIn();
  REQUIRE(identity.Refresh(tokens.refresh_token()).ok());
  identity.clock.Advance(absl::Seconds(8));
  REQUIRE(identity.Refresh(tokens.refresh_token()).ok());
  identity.clock.Advance(absl::Seconds(8));
  CHECK(ReasonOf(identity.Refresh(tokens.refresh_token()).status()) == "REFRESH_TOKEN_REUSED");
}

TEST_CASE("Exchanges of one token at the same time all get a pair of their own") {
  const int threads = GENERATE(2, 8, 64);
  CAPTURE(threads);
  Identity identity;
  identity.Register();
  const Tokens tokens = identity.SignIn();
  std::set<std::string> next;
  for (const auto& result : RefreshAtOnce(identity, tokens.refresh_token(), threads)) {
    REQUIRE(result.ok());
    next.insert(result->refresh_token());
  }
  CHECK(static_cast<int>(next.size()) == threads);
  CHECK(identity.database.Published<SessionRevoked>().empty());

  // Of many, the latest five can be exchanged; the others are as good as unknown.
  CHECK(identity.Count("select count(*) from refresh_tokens where use_time is null") ==
        std::min(threads, 5));
  int good = 0;
  for (const std::string& refresh_token : next) good += identity.Refresh(refresh_token).ok();
  CHECK(good >= 1);
  CHECK(good <= std::min(threads, 5));
  CHECK(identity.database.Published<SessionRevoked>().empty());
}

TEST_CASE("Returns of a spent token at the same time end its session once") {
  const int threads = GENERATE(2, 8, 64);
  CAPTURE(threads);
  Identity identity;
  identity.Register();
  const Tokens tokens = identity.SignIn();
  const Tokens next = identity.Refresh(tokens.refresh_token()).value();
  identity.clock.Advance(absl::Seconds(11));
  int reused = 0;
  for (const auto& result : RefreshAtOnce(identity, tokens.refresh_token(), threads)) {
    CHECK(absl::IsUnauthenticated(result.status()));
    reused += ReasonOf(result.status()) == "REFRESH_TOKEN_REUSED";
  }
  CHECK(reused == 1);
  CHECK(identity.database.Published<SessionRevoked>().size() == 1);
  CHECK_FALSE(identity.Refresh(next.refresh_token()).ok());
}

TEST_CASE("A session that is not refreshed ends after fourteen days") {
  Identity identity;
  identity.Register();
  const Tokens tokens = identity.SignIn();
  CHECK(FromTimestamp(tokens.refresh_token_expire_time()) ==
        identity.clock.Now() + absl::Hours(14 * 24));
  identity.clock.Advance(absl::Hours(14 * 24));
  CHECK(ReasonOf(identity.Refresh(tokens.refresh_token()).status()) == "SESSION_ENDED");
}

TEST_CASE("A session ends after thirty days, however often it is refreshed") {
  Identity identity;
  identity.Register();
  Tokens tokens = identity.SignIn();
  const absl::Time end = identity.clock.Now() + absl::Hours(30 * 24);
  for (int week = 1; week <= 4; ++week) {
    identity.clock.Advance(absl::Hours(7 * 24));
    tokens = identity.Refresh(tokens.refresh_token()).value();
  }
  CHECK(FromTimestamp(tokens.refresh_token_expire_time()) == end);
  identity.clock.Advance(end - absl::Minutes(1) - identity.clock.Now());
  tokens = identity.Refresh(tokens.refresh_token()).value();
  CHECK(FromTimestamp(tokens.access_token_expire_time()) <= end);
  identity.clock.Advance(absl::Minutes(1));
  CHECK(ReasonOf(identity.Refresh(tokens.refresh_token()).status()) == "SESSION_ENDED");
}

TEST_CASE("SignOut ends the session once, by any of its refresh tokens") {
  Identity identity;
  const User user = identity.Register();
  const Tokens first = identity.SignIn();
  const Tokens second = identity.Refresh(first.refresh_token()).value();
  REQUIRE(identity.SignOut(first.refresh_token()).ok());
  REQUIRE(identity.SignOut(second.refresh_token()).ok());
  CHECK(ReasonOf(identity.Refresh(second.refresh_token()).status()) == "SESSION_ENDED");
  const auto events = identity.database.Published<SessionRevoked>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].user_id() == user.user_id());
  CHECK_FALSE(events[0].token_reused());
}

TEST_CASE("SignOut from an unknown session changes nothing") {
  Identity identity;
  CHECK(identity.SignOut("playmesh_rt_guess").ok());
  CHECK(identity.database.Published<SessionRevoked>().empty());
}

TEST_CASE("A suspended account can neither sign in nor refresh") {
  Identity identity;
  identity.Register();
  const Tokens tokens = identity.SignIn();
  REQUIRE(identity.database.Execute("update users set status = 'suspended'").ok());
  CHECK(ReasonOf(identity.SignIn("ada@example.com", kPassword).status()) == "WRONG_CREDENTIALS");
  CHECK(ReasonOf(identity.Refresh(tokens.refresh_token()).status()) == "SESSION_ENDED");
}

TEST_CASE("DeleteExpiredSessions forgets expired sessions with their tokens, and keeps open ones") {
  Identity identity;
  identity.Register();
  const Tokens old = identity.SignIn();
  identity.clock.Advance(absl::Hours(14 * 24) + absl::Seconds(1));
  const Tokens open = identity.SignIn();
  REQUIRE(identity.service.DeleteExpiredSessions().ok());
  CHECK(identity.Count("select count(*) from sessions") == 1);
  CHECK(identity.Count("select count(*) from refresh_tokens") == 1);
  CHECK(identity.Refresh(open.refresh_token()).ok());
  CHECK(ReasonOf(identity.Refresh(old.refresh_token()).status()) == "SESSION_ENDED");
}

TEST_CASE("GetJwks publishes the public parts of all signing keys") {
  Identity identity;
  const auto body = identity.service.GetJwks({}, {}).value();
  CHECK(body.content_type() == "application/jwk-set+json");
  CHECK(body.data().find("\"d\"") == std::string::npos);
  const auto keys = auth::KeySet::FromJson(body.data()).value();
  REQUIRE(keys.keys().size() == 2);
  CHECK(keys.keys()[0].kid() == "new");
  CHECK(keys.keys()[1].kid() == "old");
}

TEST_CASE("Signing keys must begin with a private one") {
  const auth::Key key = auth::Key::Generate("a");
  CHECK(ReadSigningKeys("{\"keys\": [" + key.ToJwk(true) + "]}").ok());
  for (const std::string& bad : {std::string("{\"keys\": []}"), std::string("no JSON"),
                                 "{\"keys\": [" + key.ToJwk(false) + "]}"}) {
    CHECK(absl::IsInvalidArgument(ReadSigningKeys(bad).status()));
  }
}

}  // namespace playmesh::identity
