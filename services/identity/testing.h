// What identity's tests share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/auth/tokens.h"
#include "common/base/random.h"
#include "common/events/outbox.h"
#include "common/service/platform.h"
#include "common/testing/testing.h"
#include "services/identity/identity_service.h"

namespace playmesh::identity {

inline constexpr char kIssuer[] = "https://playmesh.example";
inline constexpr char kPassword[] = "correct horse battery";

// The service with a database and a clock of its own.
struct Identity {
  testing::TestDatabase database{ServiceMigrations()};
  testing::FakeClock clock;
  Outbox outbox{clock};
  auth::KeySet keys{{auth::Key::Generate("new"), auth::Key::Generate("old")}};
  IdentityService service{
      IdentityService::Deps{database.db(), clock, outbox, keys, kIssuer, absl::Minutes(15)}};

  static RegisterRequest NewPerson(const std::string& email) {
    RegisterRequest request;
    request.set_email(email);
    request.set_password(kPassword);
    request.set_display_name("Ada");
    request.set_country_code("DE");
    return request;
  }

  User Register(const std::string& email = "ada@example.com") {
    return service.Register({}, NewPerson(email)).value().user();
  }

  absl::StatusOr<SignInResponse> SignIn(const std::string& email, const std::string& password) {
    SignInRequest request;
    request.set_email(email);
    request.set_password(password);
    return service.SignIn({}, request);
  }

  Tokens SignIn() { return SignIn("ada@example.com", kPassword).value().tokens(); }

  absl::StatusOr<Tokens> Refresh(const std::string& refresh_token) {
    RefreshSessionRequest request;
    request.set_refresh_token(refresh_token);
    auto response = service.RefreshSession({}, request);
    if (!response.ok()) return response.status();
    return response->tokens();
  }

  absl::Status SignOut(const std::string& refresh_token) {
    SignOutRequest request;
    request.set_refresh_token(refresh_token);
    return service.SignOut({}, request).status();
  }

  absl::StatusOr<Organisation> CreateOrganisation(const std::string& user_id,
                                                  const std::string& display_name,
                                                  const std::string& request_id = "") {
    CreateOrganisationRequest request;
    request.set_display_name(display_name);
    request.set_kind(ORGANISATION_KIND_PUBLISHER);
    request.set_request_id(request_id);
    auto response = service.CreateOrganisation(testing::UserCaller(user_id), request);
    if (!response.ok()) return response.status();
    return response->organisation();
  }

  // What other services make of an access token.
  absl::StatusOr<Caller> Verify(const std::string& access_token) {
    auth::AccessVerifier verifier(kIssuer, clock, [this]() -> absl::StatusOr<auth::KeySet> {
      return auth::KeySet::FromJson(service.GetJwks({}, {}).value().data());
    });
    return verifier.Verify(access_token);
  }

  int64_t Count(const std::string& sql) { return database.Query<int64_t>(sql).at(0); }
};

}  // namespace playmesh::identity
