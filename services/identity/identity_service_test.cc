#include "services/identity/identity_service.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "playmesh/identity/v1/identity_events.pb.h"
#include "services/identity/permissions.h"
#include "services/identity/testing.h"

namespace playmesh::identity {
namespace {

using testing::ServiceCaller;
using testing::UserCaller;

absl::StatusOr<User> Update(Identity& identity, const User& user, std::vector<std::string> paths,
                            const std::string& etag = "") {
  UpdateProfileRequest request;
  *request.mutable_user() = user;
  for (std::string& path : paths) request.mutable_update_mask()->add_paths(std::move(path));
  request.set_etag(etag);
  auto response = identity.service.UpdateProfile(UserCaller(user.user_id()), request);
  if (!response.ok()) return response.status();
  return response->user();
}

absl::StatusOr<User> Grant(Identity& identity, const std::string& user_id, Role role) {
  GrantRoleRequest request;
  request.set_user_id(user_id);
  request.set_role(role);
  auto response = identity.service.GrantRole({}, request);
  if (!response.ok()) return response.status();
  return response->user();
}

absl::StatusOr<User> Revoke(Identity& identity, const std::string& user_id, Role role) {
  RevokeRoleRequest request;
  request.set_user_id(user_id);
  request.set_role(role);
  auto response = identity.service.RevokeRole({}, request);
  if (!response.ok()) return response.status();
  return response->user();
}

}  // namespace

TEST_CASE("Register makes a player") {
  Identity identity;
  const User user = identity.Register("Ada@example.com");
  CHECK(IsUuid(user.user_id()));
  CHECK(user.email() == "Ada@example.com");
  CHECK(user.display_name() == "Ada");
  CHECK(user.locale() == "en");
  CHECK(user.country_code() == "DE");
  REQUIRE(user.roles().size() == 1);
  CHECK(user.roles(0) == ROLE_PLAYER);
  CHECK(FromTimestamp(user.create_time()) == identity.clock.Now());
  CHECK_FALSE(user.etag().empty());
  const auto events = identity.database.Published<UserRegistered>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].user_id() == user.user_id());
  CHECK(FromTimestamp(events[0].register_time()) == identity.clock.Now());
}

TEST_CASE("Register again with the same password answers with the account") {
  Identity identity;
  const User user = identity.Register();
  CHECK(identity.Register().user_id() == user.user_id());
  CHECK(identity.database.Published<UserRegistered>().size() == 1);
}

TEST_CASE("Register refuses an address that is taken, in any case") {
  Identity identity;
  identity.Register("ada@example.com");
  RegisterRequest request = Identity::NewPerson("ADA@Example.com");
  request.set_password("another good one");
  const absl::Status status = identity.service.Register({}, request).status();
  CHECK(absl::IsAlreadyExists(status));
  CHECK(ReasonOf(status) == "EMAIL_TAKEN");
}

TEST_CASE("Register refuses a common password") {
  Identity identity;
  RegisterRequest request = Identity::NewPerson("ada@example.com");
  request.set_password("Password123");
  const absl::Status status = identity.service.Register({}, request).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(ReasonOf(status) == "WEAK_PASSWORD");
}

TEST_CASE("Registrations of one address at the same time make one account") {
  const int count = GENERATE(2, 8);
  Identity identity;
  std::vector<std::string> user_ids(count);
  std::vector<std::thread> threads;
  threads.reserve(user_ids.size());
  for (std::string& user_id : user_ids) {
    threads.emplace_back([&] { user_id = identity.Register().user_id(); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::set<std::string>(user_ids.begin(), user_ids.end()).size() == 1);
  CHECK(identity.database.Published<UserRegistered>().size() == 1);
}

TEST_CASE("GetProfile shows the caller's own account") {
  Identity identity;
  identity.Register("eve@example.com");
  const User user = identity.Register();
  const auto response = identity.service.GetProfile(UserCaller(user.user_id()), {}).value();
  CHECK(response.user().DebugString() == user.DebugString());
}

TEST_CASE("GetProfile of an erased account is NOT_FOUND") {
  Identity identity;
  const Caller nobody = UserCaller(NewUuid(identity.clock.Now()));
  CHECK(absl::IsNotFound(identity.service.GetProfile(nobody, {}).status()));
}

TEST_CASE("UpdateProfile changes what the mask names") {
  Identity identity;
  User user = identity.Register();
  user.set_display_name("Countess");
  user.set_country_code("GB");
  const User updated = Update(identity, user, {"display_name"}).value();
  CHECK(updated.display_name() == "Countess");
  CHECK(updated.country_code() == "DE");
  CHECK(updated.etag() != user.etag());
}

TEST_CASE("UpdateProfile without a mask changes what is set") {
  Identity identity;
  User user;
  user.set_user_id(identity.Register().user_id());
  user.set_locale("pt-BR");
  user.set_email("other@example.com");
  const User updated = Update(identity, user, {}).value();
  CHECK(updated.locale() == "pt-BR");
  CHECK(updated.display_name() == "Ada");
  CHECK(updated.email() == "ada@example.com");
}

TEST_CASE("UpdateProfile of a locale that is not set goes back to the default") {
  Identity identity;
  User user = identity.Register();
  user.set_locale("de");
  REQUIRE(Update(identity, user, {"locale"}).value().locale() == "de");
  user.clear_locale();
  CHECK(Update(identity, user, {"locale"}).value().locale() == "en");
}

TEST_CASE("UpdateProfile refuses what cannot be changed or left out") {
  Identity identity;
  User user = identity.Register();
  for (const char* path : {"email", "roles", "user_id", "nonsense"}) {
    CHECK(absl::IsInvalidArgument(Update(identity, user, {path}).status()));
  }
  user.clear_display_name();
  user.clear_country_code();
  CHECK(absl::IsInvalidArgument(Update(identity, user, {"display_name"}).status()));
  CHECK(absl::IsInvalidArgument(Update(identity, user, {"country_code"}).status()));
}

TEST_CASE("UpdateProfile names all fields that are wrong at once") {
  Identity identity;
  User user;
  user.set_user_id(identity.Register().user_id());
  CHECK(Update(identity, user, {"email", "display_name", "country_code"}).status().message() ==
        "update_mask: email cannot be changed; user.display_name: is required; "
        "user.country_code: is required");
}

TEST_CASE("UpdateProfile with the mask * replaces all that can be changed") {
  Identity identity;
  User user = identity.Register();
  user.set_display_name("Countess");
  user.set_country_code("GB");
  user.set_locale("de");
  REQUIRE(Update(identity, user, {"*"}).ok());
  user.clear_locale();
  user.set_email("other@example.com");
  const User updated = Update(identity, user, {"*"}).value();
  CHECK(updated.display_name() == "Countess");
  CHECK(updated.country_code() == "GB");
  CHECK(updated.locale() == "en");
  CHECK(updated.email() == "ada@example.com");
}

TEST_CASE("UpdateProfile with a stale etag is ABORTED") {
  Identity identity;
  User user = identity.Register();
  user.set_display_name("Countess");
  const User updated = Update(identity, user, {"display_name"}, user.etag()).value();
  user.set_display_name("Lovelace");
  const absl::Status status = Update(identity, user, {"display_name"}, user.etag()).status();
  CHECK(absl::IsAborted(status));
  CHECK(ReasonOf(status) == "STALE_ETAG");
  CHECK(Update(identity, user, {"display_name"}, updated.etag()).ok());
}

TEST_CASE("The same UpdateProfile twice changes nothing the second time") {
  Identity identity;
  User user = identity.Register();
  user.set_display_name("Countess");
  const User first = Update(identity, user, {"display_name"}, user.etag()).value();
  const User second = Update(identity, user, {"display_name"}, user.etag()).value();
  CHECK(second.etag() == first.etag());
}

TEST_CASE("Updates on the same etag at the same time: one wins") {
  const int count = GENERATE(2, 8);
  Identity identity;
  const User user = identity.Register();
  std::vector<absl::Status> results(count);
  std::vector<std::thread> threads;
  threads.reserve(results.size());
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      User changed = user;
      changed.set_display_name(absl::StrCat("Ada ", i));
      results[i] = Update(identity, changed, {"display_name"}, user.etag()).status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::count_if(results.begin(), results.end(), [](auto& s) { return s.ok(); }) == 1);
  CHECK(std::count_if(results.begin(), results.end(), absl::IsAborted) == count - 1);
}

TEST_CASE("CreateOrganisation makes the caller its owner and a developer") {
  Identity identity;
  const User user = identity.Register();
  const Organisation organisation = identity.CreateOrganisation(user.user_id(), "Ada's").value();
  CHECK(organisation.display_name() == "Ada's");
  CHECK(organisation.kind() == ORGANISATION_KIND_PUBLISHER);
  const User after = identity.service.GetProfile(UserCaller(user.user_id()), {}).value().user();
  REQUIRE(after.roles().size() == 2);
  CHECK(std::count(after.roles().begin(), after.roles().end(), ROLE_DEVELOPER) == 1);
  CHECK(after.etag() != user.etag());

  const auto created = identity.database.Published<OrganisationCreated>();
  REQUIRE(created.size() == 1);
  CHECK(created[0].organisation_id() == organisation.organisation_id());
  CHECK(created[0].owner_user_id() == user.user_id());
  CHECK(created[0].kind() == ORGANISATION_KIND_PUBLISHER);
  const auto granted = identity.database.Published<RoleGranted>();
  REQUIRE(granted.size() == 1);
  CHECK(granted[0].role() == ROLE_DEVELOPER);
}

TEST_CASE("CreateOrganisation with the same request_id makes one organisation") {
  const int count = GENERATE(2, 8);
  Identity identity;
  const User user = identity.Register();
  const std::string request_id = NewUuid(identity.clock.Now());
  std::vector<std::string> ids(count);
  std::vector<std::thread> threads;
  threads.reserve(ids.size());
  for (std::string& id : ids) {
    threads.emplace_back([&] {
      id = identity.CreateOrganisation(user.user_id(), "Ada's", request_id)->organisation_id();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 1);
  CHECK(identity.Count("select count(*) from organisations") == 1);
  CHECK(absl::IsInvalidArgument(
      identity.CreateOrganisation(user.user_id(), "Another", request_id).status()));
}

TEST_CASE("Nobody owns more than ten organisations, however many calls come at the same time") {
  Identity identity;
  const User user = identity.Register();
  std::vector<absl::Status> results(16);
  std::vector<std::thread> threads;
  threads.reserve(results.size());
  for (absl::Status& result : results) {
    threads.emplace_back(
        [&] { result = identity.CreateOrganisation(user.user_id(), "Ada's").status(); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::count_if(results.begin(), results.end(), [](auto& s) { return s.ok(); }) == 10);
  CHECK(std::count_if(results.begin(), results.end(), [](auto& s) {
          return absl::IsFailedPrecondition(s) && ReasonOf(s) == "TOO_MANY_ORGANISATIONS";
        }) == 6);
}

TEST_CASE("ListOrganisations shows the caller's own by name, page by page") {
  Identity identity;
  const User user = identity.Register();
  const User other = identity.Register("eve@example.com");
  REQUIRE(identity.CreateOrganisation(other.user_id(), "Elsewhere").ok());
  for (const char* name : {"Delta", "Bravo", "Alpha", "Bravo", "Charlie"}) {
    REQUIRE(identity.CreateOrganisation(user.user_id(), name).ok());
  }
  std::vector<std::string> names;
  ListOrganisationsRequest request;
  request.set_page_size(2);
  do {
    const auto page =
        identity.service.ListOrganisations(UserCaller(user.user_id()), request).value();
    for (const auto& organisation : page.organisations()) {
      names.push_back(organisation.display_name());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  CHECK(names == std::vector<std::string>{"Alpha", "Bravo", "Bravo", "Charlie", "Delta"});

  request.set_page_token("made up");
  CHECK(absl::IsInvalidArgument(
      identity.service.ListOrganisations(UserCaller(user.user_id()), request).status()));
}

TEST_CASE("GrantRole gives a role once") {
  Identity identity;
  const User user = identity.Register();
  const User granted = Grant(identity, user.user_id(), ROLE_MODERATOR).value();
  CHECK(granted.roles().size() == 2);
  CHECK(granted.etag() != user.etag());
  CHECK(Grant(identity, user.user_id(), ROLE_MODERATOR).value().etag() == granted.etag());
  const auto events = identity.database.Published<RoleGranted>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].user_id() == user.user_id());
  CHECK(events[0].role() == ROLE_MODERATOR);
}

TEST_CASE("RevokeRole takes a role once, and never player") {
  Identity identity;
  const User user = identity.Register();
  REQUIRE(Grant(identity, user.user_id(), ROLE_ADMINISTRATOR).ok());
  const User revoked = Revoke(identity, user.user_id(), ROLE_ADMINISTRATOR).value();
  CHECK(revoked.roles().size() == 1);
  CHECK(Revoke(identity, user.user_id(), ROLE_ADMINISTRATOR).value().etag() == revoked.etag());
  const auto events = identity.database.Published<RoleRevoked>();
  REQUIRE(events.size() == 1);
  CHECK(events[0].role() == ROLE_ADMINISTRATOR);
  CHECK(absl::IsInvalidArgument(Revoke(identity, user.user_id(), ROLE_PLAYER).status()));
}

TEST_CASE("GrantRole and RevokeRole to nobody are NOT_FOUND") {
  Identity identity;
  const std::string nobody = NewUuid(identity.clock.Now());
  CHECK(absl::IsNotFound(Grant(identity, nobody, ROLE_MODERATOR).status()));
  CHECK(absl::IsNotFound(Revoke(identity, nobody, ROLE_MODERATOR).status()));
}

TEST_CASE("BatchGetContacts leaves out who does not exist") {
  Identity identity;
  const User ada = identity.Register();
  const User eve = identity.Register("Eve@example.com");
  BatchGetContactsRequest request;
  request.add_user_ids(ada.user_id());
  request.add_user_ids(NewUuid(identity.clock.Now()));
  request.add_user_ids(eve.user_id());
  const auto response =
      identity.service.BatchGetContacts(ServiceCaller("notification"), request).value();
  std::set<std::string> emails;
  for (const Contact& contact : response.contacts()) emails.insert(contact.email());
  CHECK(emails == std::set<std::string>{"ada@example.com", "Eve@example.com"});
  CHECK(response.contacts(0).display_name() == "Ada");
  CHECK(response.contacts(0).locale() == "en");
}

TEST_CASE(
    "An administrator has every permission, but is a member of no organisation but their own") {
  Identity identity;
  const User owner = identity.Register();
  const Organisation theirs = identity.CreateOrganisation(owner.user_id(), "Ada's").value();
  const User user = identity.Register("eve@example.com");
  REQUIRE(Grant(identity, user.user_id(), ROLE_ADMINISTRATOR).ok());
  const auto session = identity.SignIn("eve@example.com", kPassword).value();
  const Caller caller = identity.Verify(session.tokens().access_token()).value();
  CHECK(caller.Has("catalog.games.write"));
  CHECK(ReasonOf(caller.RequireMember(theirs.organisation_id())) == "NOT_A_MEMBER");
}

TEST_CASE("Permissions follow from roles") {
  const auto permissions = [](std::vector<int> roles) {
    return PermissionsOf({roles.begin(), roles.end()});
  };
  const std::vector<std::string> developer = {"catalog.games.import", "catalog.games.publish",
                                              "catalog.games.write", "catalog.prices.write"};
  CHECK(permissions({ROLE_PLAYER}).empty());
  CHECK(permissions({ROLE_PLAYER, ROLE_DEVELOPER}) == developer);
  std::vector<std::string> all = developer;
  all.push_back("identity.roles.grant");
  CHECK(permissions({ROLE_ADMINISTRATOR}) == all);
  CHECK(permissions({ROLE_DEVELOPER, ROLE_ADMINISTRATOR}) == all);
}

}  // namespace playmesh::identity
