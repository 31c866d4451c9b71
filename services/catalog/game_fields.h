// What an organisation may write into a game.
#pragma once

#include "common/rpc/update_mask.h"
#include "playmesh/catalog/v1/catalog_service.playmesh.h"

namespace playmesh::catalog {

// All fields that can be set.
rpc::FieldMask SettableFields();

// Adds what is wrong with the texts of a game, by path: that there is none, a language that comes
// twice, whatever its case, and a title with control characters.
void CheckTexts(const Game& game, Violations& violations);

}  // namespace playmesh::catalog
