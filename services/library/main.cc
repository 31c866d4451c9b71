#include "common/service/platform.h"
#include "services/library/library_events.h"
#include "services/library/library_service.h"

using playmesh::Platform;
using playmesh::library::LibraryEvents;
using playmesh::library::LibraryService;

int main(int argc, char** argv) {
  return playmesh::Run("library", argc, argv, [](Platform& p) {
    p.Serve<LibraryService>(LibraryService::Deps{p.db()});
    p.Consume<LibraryEvents>(LibraryEvents::Deps{p.clock(), p.outbox()});
    return absl::OkStatus();
  });
}
