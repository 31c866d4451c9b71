// Licences, as players and other services see them. The contract is protos/playmesh/library/v1.
#pragma once

#include "common/db/database.h"
#include "playmesh/library/v1/library_service.playmesh.h"

namespace playmesh::library {

class LibraryService : public v1::LibraryServiceBase {
 public:
  struct Deps {
    Database& db;
  };
  explicit LibraryService(Deps deps) : db_(deps.db) {}

  absl::StatusOr<ListLicensesResponse> ListLicenses(const Caller& caller,
                                                    const ListLicensesRequest& request) override;
  absl::StatusOr<GetLicenseResponse> GetLicense(const Caller& caller,
                                                const GetLicenseRequest& request) override;
  absl::StatusOr<CheckOwnershipResponse> CheckOwnership(
      const Caller& caller, const CheckOwnershipRequest& request) override;

 private:
  Database& db_;
};

}  // namespace playmesh::library
