// Which fields of a game its organisation may set, and what a change of them comes to.
#pragma once

#include <google/protobuf/field_mask.pb.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "playmesh/catalog/v1/catalog_service.playmesh.h"

namespace playmesh::catalog {

using google::protobuf::FieldMask;

// All fields that can be set.
FieldMask SettableFields();

// What an update with `mask` sets (AIP-134): the fields that it names, all for "*", and those that
// `patch` has when it is empty. INVALID_ARGUMENT (update_mask) for paths that are unknown or cannot
// be set.
absl::StatusOr<FieldMask> FieldsToUpdate(const Game& patch, const FieldMask& mask);

// Gives `game` the values of `patch` in `fields` and returns the names of those that are different
// now.
std::vector<std::string> ApplyUpdate(const Game& patch, const FieldMask& fields, Game& game);

// INVALID_ARGUMENT, by path, unless there is a text and no language comes twice, whatever its case.
absl::Status CheckTexts(const Game& game);

}  // namespace playmesh::catalog
