#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/rpc/idempotency.h"
#include "common/rpc/pages.h"
#include "playmesh/identity/v1/identity_events.pb.h"
#include "services/identity/identity_service.h"
#include "services/identity/users.h"

namespace playmesh::identity {
namespace {

constexpr int kMaxOwnedOrganisations = 10;

}  // namespace

absl::StatusOr<CreateOrganisationResponse> IdentityService::CreateOrganisation(
    const Caller& caller, const CreateOrganisationRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<CreateOrganisationResponse> {
    return rpc::Idempotent<CreateOrganisationResponse>(
        tx, caller, request, [&] { return AddOrganisation(tx, caller.user_id, request); });
  });
}

absl::StatusOr<CreateOrganisationResponse> IdentityService::AddOrganisation(
    Transaction& tx, const std::string& owner_user_id, const CreateOrganisationRequest& request) {
  RETURN_IF_ERROR(LockUser(tx, owner_user_id));
  ASSIGN_OR_RETURN(const int64_t owned, tx.QueryOne<int64_t>(R"(
      select count(*) from organisation_members where user_id = :user_id and role = 'owner')",
                                                             owner_user_id));
  if (owned >= kMaxOwnedOrganisations) {
    return Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_TOO_MANY_ORGANISATIONS,
                 absl::StrCat("one account owns ", kMaxOwnedOrganisations, " at most"));
  }
  const absl::Time now = clock_.Now();
  CreateOrganisationResponse response;
  Organisation& organisation = *response.mutable_organisation();
  organisation.set_organisation_id(NewUuid(now));
  organisation.set_display_name(request.display_name());
  organisation.set_kind(request.kind());
  *organisation.mutable_create_time() = ToTimestamp(now);
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into organisations (organisation_id, display_name, kind, create_time)
      values (:organisation_id, :display_name, :kind, :create_time))",
                             organisation.organisation_id(), organisation.display_name(),
                             organisation.kind(), now));
  RETURN_IF_ERROR(tx.Execute(R"(
      insert into organisation_members (organisation_id, user_id, role)
      values (:organisation_id, :user_id, 'owner'))",
                             organisation.organisation_id(), owner_user_id));
  OrganisationCreated event;
  event.set_organisation_id(organisation.organisation_id());
  event.set_owner_user_id(owner_user_id);
  event.set_kind(request.kind());
  RETURN_IF_ERROR(outbox_.Add(tx, event));
  RETURN_IF_ERROR(AddRole(tx, owner_user_id, ROLE_DEVELOPER));
  return response;
}

absl::StatusOr<ListOrganisationsResponse> IdentityService::ListOrganisations(
    const Caller& caller, const ListOrganisationsRequest& request) {
  ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(request));
  rpc::PageKey after = page.after;
  after.resize(2);  // what comes after two empty strings is everything
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<ListOrganisationsResponse> {
    auto organisations = tx.Query<Organisation>(R"(
        select organisation_id, display_name, kind, create_time
        from organisations join organisation_members using (organisation_id)
        where user_id = :user_id
          and (display_name, organisation_id::text) > (:display_name, :organisation_id)
        order by display_name, organisation_id::text limit :limit)",
                                                caller.user_id, after[0], after[1], page.limit());
    RETURN_IF_ERROR(organisations);
    ListOrganisationsResponse response;
    response.mutable_organisations()->Add(organisations->begin(), organisations->end());
    response.set_next_page_token(rpc::FinishPage<Organisation>(
        request, page, *response.mutable_organisations(), [](const Organisation& organisation) {
          return rpc::PageKey{organisation.display_name(), organisation.organisation_id()};
        }));
    return response;
  });
}

}  // namespace playmesh::identity
