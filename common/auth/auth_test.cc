#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/auth/tokens.h"
#include "common/testing/testing.h"

namespace playmesh::auth {
namespace {

using playmesh::testing::FakeClock;
using playmesh::testing::TestKeys;

constexpr char kUser[] = "0190163d-8694-739b-aea5-966c26f8ad91";

// A signed token with the given claims over valid ones.
std::string TokenWith(const Key& key, absl::Time now,
                      const nlohmann::json& changes = nlohmann::json::object(),
                      const std::string& type = "at+jwt") {
  nlohmann::json claims = {{"iss", TestKeys::kIssuer},
                           {"aud", "playmesh"},
                           {"sub", kUser},
                           {"iat", absl::ToUnixSeconds(now)},
                           {"exp", absl::ToUnixSeconds(now) + 60}};
  claims.update(changes);
  return *Sign(key, type, claims.dump());
}

}  // namespace

TEST_CASE("An access token says who the caller is and what they may do") {
  FakeClock clock;
  TestKeys keys(clock);
  auto caller = keys.access().Verify(
      keys.AccessToken(playmesh::testing::UserCaller(kUser, {"a.b", "c.d"}, {"org"})));
  REQUIRE(caller.ok());
  CHECK(caller->user_id == kUser);
  CHECK(caller->Has("a.b"));
  CHECK_FALSE(caller->Has("a"));
  CHECK(caller->IsMember("org"));
  CHECK_FALSE(caller->IsMember("other"));
}

TEST_CASE("Tokens that are not exactly right are refused") {
  FakeClock clock;
  TestKeys keys(clock);
  const absl::Time now = clock.Now();
  const Key& key = keys.access_key();
  const std::string good = TokenWith(key, now);
  REQUIRE(keys.access().Verify(good).ok());
  const std::vector<std::string> parts = absl::StrSplit(good, '.');
  const std::string none_header =
      absl::WebSafeBase64Escape(R"({"alg":"none","typ":"at+jwt","kid":"access"})");
  const std::string hmac_header =
      absl::WebSafeBase64Escape(R"({"alg":"HS256","typ":"at+jwt","kid":"access"})");
  Key stranger = Key::Generate("access");
  const std::map<std::string, std::string> bad = {
      {"empty", ""},
      {"junk", "junk"},
      {"alg none", absl::StrCat(none_header, ".", parts[1], ".")},
      {"alg none with a signature", absl::StrCat(none_header, ".", parts[1], ".", parts[2])},
      {"alg HS256", absl::StrCat(hmac_header, ".", parts[1], ".", parts[2])},
      {"changed payload",
       absl::StrCat(parts[0], ".", absl::WebSafeBase64Escape("{}"), ".", parts[2])},
      {"another key under the same kid", TokenWith(stranger, now)},
      {"unknown kid", TokenWith(Key::Generate("../../etc/passwd"), now)},
      {"another type", TokenWith(key, now, nlohmann::json::object(), "JWT")},
      {"another audience", TokenWith(key, now, {{"aud", "other"}})},
      {"audience as a list", TokenWith(key, now, {{"aud", {"other", "playmesh"}}})},
      {"another issuer", TokenWith(key, now, {{"iss", "https://evil.example"}})},
      {"expired", TokenWith(key, now, {{"exp", absl::ToUnixSeconds(now)}})},
      {"without expiry", TokenWith(key, now, {{"exp", nullptr}})},
      {"from the future", TokenWith(key, now, {{"iat", absl::ToUnixSeconds(now) + 3600}})},
      {"subject that is no id", TokenWith(key, now, {{"sub", "root"}})},
      {"too long", std::string(9000, 'a')},
  };
  for (const auto& [what, token] : bad) {
    INFO(what);
    CHECK(absl::IsUnauthenticated(keys.access().Verify(token).status()));
  }
}

TEST_CASE("A token that was verified once still expires") {
  FakeClock clock;
  TestKeys keys(clock);
  const std::string token = keys.AccessToken(playmesh::testing::UserCaller(kUser));
  REQUIRE(keys.access().Verify(token).ok());
  clock.Advance(absl::Minutes(11));
  CHECK(absl::IsUnauthenticated(keys.access().Verify(token).status()));
}

TEST_CASE("A new key is fetched when a token names it, and not again and again") {
  FakeClock clock;
  Key first = Key::Generate("first");
  Key second = Key::Generate("second");
  int fetches = 0;
  KeySet current({first});
  AccessVerifier verifier(TestKeys::kIssuer, clock, [&]() -> absl::StatusOr<KeySet> {
    ++fetches;
    return current;
  });
  REQUIRE(verifier.Verify(TokenWith(first, clock.Now())).ok());
  current = KeySet({first, second});
  clock.Advance(absl::Seconds(11));
  CHECK(verifier.Verify(TokenWith(second, clock.Now())).ok());
  CHECK(fetches == 2);
  Key unknown = Key::Generate("unknown");
  for (int i = 0; i < 5; ++i)
    CHECK_FALSE(verifier.Verify(TokenWith(unknown, clock.Now(), {{"jti", i}})).ok());
  CHECK(fetches == 2);
}

TEST_CASE("Without keys nobody is let in, and the error says to come back") {
  FakeClock clock;
  AccessVerifier verifier(TestKeys::kIssuer, clock, []() -> absl::StatusOr<KeySet> {
    return absl::UnavailableError("identity is away");
  });
  CHECK(absl::IsUnavailable(verifier.Verify(TokenWith(Key::Generate("a"), clock.Now())).status()));
}

TEST_CASE("A service can speak for itself only") {
  FakeClock clock;
  TestKeys keys(clock);
  auto service = keys.services().Verify(keys.ServiceToken("purchase"));
  REQUIRE(service.ok());
  CHECK(*service == "purchase");

  Key catalog = Key::Generate("catalog");
  Key purchase = Key::Generate("purchase");
  ServiceVerifier verifier(KeySet({catalog, purchase}), "payment", clock);
  const nlohmann::json claims = {{"iss", "purchase"},
                                 {"sub", "purchase"},
                                 {"aud", "payment"},
                                 {"iat", absl::ToUnixSeconds(clock.Now())},
                                 {"exp", absl::ToUnixSeconds(clock.Now()) + 60}};
  CHECK(verifier.Verify(*Sign(purchase, "svc+jwt", claims.dump())).ok());
  CHECK(
      absl::IsUnauthenticated(verifier.Verify(*Sign(catalog, "svc+jwt", claims.dump())).status()));
}

TEST_CASE("A service cannot pass on a token that was meant for itself") {
  FakeClock clock;
  Key purchase = Key::Generate("purchase");
  ServiceSigner signer(purchase, clock);
  ServiceVerifier catalog(KeySet({purchase}), "catalog", clock);
  ServiceVerifier payment(KeySet({purchase}), "payment", clock);
  const std::string token = signer.Token("catalog").value();
  CHECK(catalog.Verify(token).value() == "purchase");
  CHECK(absl::IsUnauthenticated(payment.Verify(token).status()));
  CHECK(payment.Verify(signer.Token("payment").value()).ok());
}

TEST_CASE("A user's token is no service's token, and the other way round") {
  FakeClock clock;
  TestKeys keys(clock);
  CHECK_FALSE(keys.services().Verify(keys.AccessToken(playmesh::testing::UserCaller(kUser))).ok());
  CHECK_FALSE(keys.access().Verify(keys.ServiceToken("purchase")).ok());
}

TEST_CASE("A public key set holds no private part") {
  Key key = Key::Generate("a");
  const std::string json = KeySet({key}).ToPublicJson();
  CHECK(json.find("\"d\"") == std::string::npos);
  auto parsed = KeySet::FromJson(json);
  REQUIRE(parsed.ok());
  CHECK(parsed->Verify(*Sign(key, "t", "payload"), "t").value() == "payload");
}

}  // namespace playmesh::auth
