#include "common/service/platform.h"
#include "services/catalog/catalog_service.h"

int main(int argc, char** argv) {
  using playmesh::catalog::CatalogService;
  return playmesh::Run("catalog", argc, argv, [](playmesh::Platform& p) {
    p.Serve<CatalogService>(CatalogService::Deps{p.db(), p.clock(), p.outbox()});
    return absl::OkStatus();
  });
}
