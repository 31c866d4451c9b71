#include "services/library/library_service.h"

#include <optional>
#include <utility>

#include "common/base/random.h"
#include "common/rpc/pages.h"

namespace playmesh::library {

absl::StatusOr<ListLicensesResponse> LibraryService::ListLicenses(
    const Caller& caller, const ListLicensesRequest& request) {
  ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadNewestFirst(request));
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<ListLicensesResponse> {
    // Ids of licences ascend with time, so they are the order too.
    auto licenses =
        tx.Query<License>(R"(
        select license_id, game_id, edition_id, coalesce(title, game_title) as game_title,
               edition_name, version as game_version, release_notes,
               update_time as game_update_time, state, order_id, grant_time, revoke_time
        from licenses left join games using (game_id)
        where user_id = :user_id
          and (state = 'active' or (:show_revoked and state = 'revoked'))
          and license_id < :before
        order by license_id desc limit :limit)",
                          caller.user_id, request.show_revoked(), page.after[0], page.limit());
    RETURN_IF_ERROR(licenses);
    ListLicensesResponse response;
    response.mutable_licenses()->Add(licenses->begin(), licenses->end());
    response.set_next_page_token(rpc::FinishPage<License>(
        request, page, *response.mutable_licenses(),
        [](const License& license) { return rpc::PageKey{license.license_id()}; }));
    return response;
  });
}

absl::StatusOr<GetLicenseResponse> LibraryService::GetLicense(const Caller& caller,
                                                              const GetLicenseRequest& request) {
  return db_.Transact([&](Transaction& tx) -> absl::StatusOr<GetLicenseResponse> {
    auto license = tx.QueryMaybe<License>(R"(
        select license_id, game_id, edition_id, coalesce(title, game_title) as game_title,
               edition_name, version as game_version, release_notes,
               update_time as game_update_time, state, order_id, grant_time, revoke_time
        from licenses left join games using (game_id)
        where user_id = :user_id and game_id = :game_id and state = 'active')",
                                          caller.user_id, request.game_id());
    RETURN_IF_ERROR(license);
    if (!*license) return absl::NotFoundError("this game is not in your library");
    GetLicenseResponse response;
    *response.mutable_license() = **std::move(license);
    return response;
  });
}

absl::StatusOr<CheckOwnershipResponse> LibraryService::CheckOwnership(
    const Caller& caller, const CheckOwnershipRequest& request) {
  return db_.Transact([&](Transaction& tx) {
    return tx.QueryOne<CheckOwnershipResponse>(R"(
        select array(select game_id from licenses
                     where user_id = :user_id and game_id = any(:game_ids::uuid[])
                       and state = 'active' order by game_id) as owned_game_ids)",
                                               request.user_id(), request.game_ids());
  });
}

}  // namespace playmesh::library
