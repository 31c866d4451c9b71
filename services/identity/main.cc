#include "common/service/platform.h"
#include "services/identity/identity_config.h"
#include "services/identity/identity_service.h"

using playmesh::Platform;
using playmesh::identity::IdentityConfig;
using playmesh::identity::IdentityService;

int main(int argc, char** argv) {
  const auto setup = [](Platform& p, const IdentityConfig& config) -> absl::Status {
    ASSIGN_OR_RETURN(const auto keys, playmesh::identity::ReadSigningKeys(config.signing_keys));
    p.SetAccessKeys([keys]() -> absl::StatusOr<playmesh::auth::KeySet> { return keys; });
    auto& service = p.Serve<IdentityService>(IdentityService::Deps{
        p.db(), p.clock(), p.outbox(), keys, p.issuer(), config.access_token_lifetime});
    p.Every("identity.DeleteExpiredSessions", absl::Minutes(1),
            [&service] { return service.DeleteExpiredSessions(); });
    return absl::OkStatus();
  };
  return playmesh::Run<IdentityConfig>("identity", argc, argv, setup);
}
