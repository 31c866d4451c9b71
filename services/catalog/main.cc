#include "common/service/platform.h"
#include "services/catalog/catalog_service.h"

namespace {

// Has no settings of its own.
struct CatalogConfig {
  explicit CatalogConfig(playmesh::config::Environment&) {}
};

}  // namespace

int main(int argc, char** argv) {
  using playmesh::catalog::CatalogService;
  return playmesh::Run<CatalogConfig>(
      "catalog", argc, argv, [](playmesh::Platform& p, const CatalogConfig&) {
        p.Serve<CatalogService>(CatalogService::Deps{p.db(), p.clock(), p.outbox()});
        return absl::OkStatus();
      });
}
