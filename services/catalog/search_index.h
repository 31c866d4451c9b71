// Keeps the search tables in step with a game: called in the transaction that changes it, with its
// row locked.
#pragma once

#include <string>

#include "common/db/database.h"
#include "playmesh/catalog/v1/catalog_service.playmesh.h"

namespace playmesh::catalog {

// Writes the search document of a published game; nothing when it is the same.
absl::Status IndexDocument(Transaction& tx, const Game& game);

// Writes what a game that has a document costs, from the prices of its editions.
absl::Status IndexPrices(Transaction& tx, const std::string& game_id);

// The game is not found any more.
absl::Status RemoveFromIndex(Transaction& tx, const std::string& game_id);

}  // namespace playmesh::catalog
