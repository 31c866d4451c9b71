#include <google/protobuf/util/message_differencer.h>

#include <utility>
#include <vector>

#include "common/base/random.h"
#include "playmesh/identity/v1/identity_events.pb.h"
#include "services/identity/identity_service.h"
#include "services/identity/profile.h"
#include "services/identity/unicode.h"
#include "services/identity/users.h"

namespace playmesh::identity {

absl::StatusOr<RegisterResponse> IdentityService::Register(const Caller& caller,
                                                           const RegisterRequest& request) {
  const std::string password = Nfkc(request.password());
  if (IsCommonPassword(password)) {
    return Error(absl::StatusCode::kInvalidArgument, ERROR_REASON_WEAK_PASSWORD,
                 "this password is one of the first that anybody would try");
  }
  ASSIGN_OR_RETURN(const std::string password_hash, hasher_.Hash(password));
  ASSIGN_OR_RETURN(std::optional<User> user, db_.Transact([&](Transaction& tx) {
    return CreateUser(tx, request, password_hash);
  }));
  if (!user) {
    // The address is taken, unless this is the retry of a call whose answer was lost.
    ASSIGN_OR_RETURN(const auto user_id, Authenticate(request.email(), request.password()));
    if (!user_id) {
      return Error(absl::StatusCode::kAlreadyExists, ERROR_REASON_EMAIL_TAKEN,
                   "this address has an account");
    }
    ASSIGN_OR_RETURN(user, db_.Transact([&](Transaction& tx) { return LoadUser(tx, *user_id); }));
  }
  RegisterResponse response;
  *response.mutable_user() = *std::move(user);
  return response;
}

absl::StatusOr<std::optional<User>> IdentityService::CreateUser(Transaction& tx,
                                                                const RegisterRequest& request,
                                                                const std::string& password_hash) {
  const absl::Time now = clock_.Now();
  const std::string user_id = NewUuid(now);
  const std::string email_folded = NfkcCasefold(request.email());
  const std::string locale = request.locale().empty() ? kDefaultLocale : request.locale();
  auto inserted = tx.Execute(R"(
      insert into users (user_id, email, email_folded, password_hash, display_name, locale,
                         country_code, create_time)
      values (:user_id, :email, :email_folded, :password_hash, :display_name, :locale,
              :country_code, :now)
      on conflict (email_folded) do nothing)",
                             user_id, request.email(), email_folded, password_hash,
                             request.display_name(), locale, request.country_code(), now);
  RETURN_IF_ERROR(inserted);
  if (*inserted == 0) return std::nullopt;
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into user_roles (user_id, role, grant_time) values (:user_id, 'player', :now))",
                             user_id, now));
  UserRegistered event;
  event.set_user_id(user_id);
  *event.mutable_register_time() = ToTimestamp(now);
  RETURN_IF_ERROR(outbox_.Add(tx, event));
  return LoadUser(tx, user_id);
}

absl::StatusOr<GetProfileResponse> IdentityService::GetProfile(const Caller& caller,
                                                               const GetProfileRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<GetProfileResponse> {
    GetProfileResponse response;
    ASSIGN_OR_RETURN(*response.mutable_user(), LoadUser(tx, caller.user_id));
    return response;
  });
}

absl::StatusOr<UpdateProfileResponse> IdentityService::UpdateProfile(
    const Caller& caller, const UpdateProfileRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<UpdateProfileResponse> {
    UpdateProfileResponse response;
    User& user = *response.mutable_user();
    ASSIGN_OR_RETURN(user, LockUser(tx, caller.user_id));
    ASSIGN_OR_RETURN(const User updated, Updated(user, request));
    // Before the etag is looked at: the retry of a call that took effect brings the etag of before.
    if (google::protobuf::util::MessageDifferencer::Equals(user, updated)) return response;
    if (!request.etag().empty() && request.etag() != user.etag()) {
      return Error(absl::StatusCode::kAborted, ERROR_REASON_STALE_ETAG,
                   "the account was changed meanwhile: read it again");
    }
    RETURN_IF_ERROR(tx.Execute(R"(
        update users set display_name = :display_name, locale = :locale,
                         country_code = :country_code, version = version + 1
        where user_id = :user_id)",
                               updated.display_name(), updated.locale(), updated.country_code(),
                               caller.user_id));
    ASSIGN_OR_RETURN(user, LoadUser(tx, caller.user_id));
    return response;
  });
}

absl::StatusOr<BatchGetContactsResponse> IdentityService::BatchGetContacts(
    const Caller& caller, const BatchGetContactsRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<BatchGetContactsResponse> {
    // As many as ids at most, whose number the contract limits.
    ASSIGN_OR_RETURN(const std::vector<Contact> contacts, tx.Query<Contact>(R"(
        select user_id, email, display_name, locale from users
        where user_id = any(:user_ids::uuid[]))",
                                                                            request.user_ids()));
    BatchGetContactsResponse response;
    response.mutable_contacts()->Add(contacts.begin(), contacts.end());
    return response;
  });
}

}  // namespace playmesh::identity
