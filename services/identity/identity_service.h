// Accounts, sessions and organisations. The contract is protos/playmesh/identity/v1.
//
// session_rpcs.cc has the credentials and tokens, the other *_rpcs.cc a resource each.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/auth/jwt.h"
#include "common/base/clock.h"
#include "common/db/database.h"
#include "common/events/outbox.h"
#include "playmesh/identity/v1/identity_service.playmesh.h"
#include "services/identity/passwords.h"

namespace playmesh::identity {

class IdentityService : public v1::IdentityServiceBase {
 public:
  struct Deps {
    Database& db;
    Clock& clock;
    Outbox& outbox;
    auth::KeySet keys;  // private: the first signs, all are published
    std::string issuer;
    absl::Duration access_token_lifetime;
  };
  explicit IdentityService(Deps deps);

  absl::StatusOr<RegisterResponse> Register(const Caller& caller,
                                            const RegisterRequest& request) override;
  absl::StatusOr<SignInResponse> SignIn(const Caller& caller,
                                        const SignInRequest& request) override;
  absl::StatusOr<RefreshSessionResponse> RefreshSession(
      const Caller& caller, const RefreshSessionRequest& request) override;
  absl::StatusOr<SignOutResponse> SignOut(const Caller& caller,
                                          const SignOutRequest& request) override;
  absl::StatusOr<google::api::HttpBody> GetJwks(const Caller& caller,
                                                const GetJwksRequest& request) override;
  absl::StatusOr<GetProfileResponse> GetProfile(const Caller& caller,
                                                const GetProfileRequest& request) override;
  absl::StatusOr<UpdateProfileResponse> UpdateProfile(const Caller& caller,
                                                      const UpdateProfileRequest& request) override;
  absl::StatusOr<CreateOrganisationResponse> CreateOrganisation(
      const Caller& caller, const CreateOrganisationRequest& request) override;
  absl::StatusOr<ListOrganisationsResponse> ListOrganisations(
      const Caller& caller, const ListOrganisationsRequest& request) override;
  absl::StatusOr<GrantRoleResponse> GrantRole(const Caller& caller,
                                              const GrantRoleRequest& request) override;
  absl::StatusOr<RevokeRoleResponse> RevokeRole(const Caller& caller,
                                                const RevokeRoleRequest& request) override;
  absl::StatusOr<BatchGetContactsResponse> BatchGetContacts(
      const Caller& caller, const BatchGetContactsRequest& request) override;

  // Forgets sessions that have expired, with their tokens: up to a thousand at a time.
  absl::Status DeleteExpiredSessions();

 private:
  // Whose address and password these are; nobody's when either is wrong, at the same cost.
  absl::StatusOr<std::optional<std::string>> Authenticate(absl::string_view email,
                                                          absl::string_view password);
  // Makes the account; none when the address has one.
  absl::StatusOr<std::optional<User>> CreateUser(Transaction& tx, const RegisterRequest& request,
                                                 const std::string& password_hash);
  // The next tokens of a session, which `tx` has locked or made.
  absl::StatusOr<Tokens> IssueTokens(Transaction& tx, const std::string& session_id,
                                     const User& user, absl::Time session_expire_time);
  // Ends the session of a refresh token, if it is open.
  absl::Status EndSession(Transaction& tx, const std::string& token_hash, bool token_reused);
  // Makes an organisation of `owner_user_id`.
  absl::StatusOr<CreateOrganisationResponse> AddOrganisation(
      Transaction& tx, const std::string& owner_user_id, const CreateOrganisationRequest& request);
  // Gives an account, which is locked, a role that it may hold already.
  absl::Status AddRole(Transaction& tx, const std::string& user_id, Role role);

  Database& db_;
  Clock& clock_;
  Outbox& outbox_;
  const auth::KeySet keys_;
  const std::string issuer_;
  const absl::Duration access_token_lifetime_;
  PasswordHasher hasher_;
};

}  // namespace playmesh::identity
