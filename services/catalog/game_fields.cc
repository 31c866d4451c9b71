#include "services/catalog/game_fields.h"

#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace playmesh::catalog {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::util::FieldMaskUtil;
using google::protobuf::util::MessageDifferencer;

constexpr const char* kSettable[] = {
    "texts",   "tags",         "platforms",       "languages", "minimum_age",   "developer_name",
    "license", "homepage_url", "screenshot_urls", "version",   "release_notes", "external_id"};

const FieldDescriptor* Field(const std::string& name) {
  return Game::descriptor()->FindFieldByName(name);
}

bool IsSet(const Game& game, const FieldDescriptor* field) {
  return field->is_repeated() ? Game::GetReflection()->FieldSize(game, field) > 0
                              : Game::GetReflection()->HasField(game, field);
}

}  // namespace

FieldMask SettableFields() {
  FieldMask fields;
  for (const char* name : kSettable) fields.add_paths(name);
  return fields;
}

absl::StatusOr<FieldMask> FieldsToUpdate(const Game& patch, const FieldMask& mask) {
  const FieldMask settable = SettableFields();
  if (mask.paths_size() == 1 && mask.paths(0) == "*") return settable;
  for (const std::string& path : mask.paths()) {
    const bool known =
        std::find(settable.paths().begin(), settable.paths().end(), path) != settable.paths().end();
    if (!known) {
      return InvalidField("update_mask",
                          absl::StrCat(path, Field(path) == nullptr ? " is no field of a game"
                                                                    : " cannot be changed"));
    }
  }
  if (mask.paths_size() > 0) return mask;
  FieldMask set;
  for (const std::string& name : settable.paths()) {
    if (IsSet(patch, Field(name))) set.add_paths(name);
  }
  return set;
}

std::vector<std::string> ApplyUpdate(const Game& patch, const FieldMask& fields, Game& game) {
  const Game before = game;
  FieldMaskUtil::MergeOptions options;
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(patch, fields, options, &game);
  std::vector<std::string> changed;
  for (const std::string& name : fields.paths()) {
    const std::vector<const FieldDescriptor*> field = {Field(name)};
    if (!MessageDifferencer().CompareWithFields(before, game, field, field)) {
      changed.push_back(name);
    }
  }
  return changed;
}

absl::Status CheckTexts(const Game& game) {
  if (game.texts().empty()) return InvalidField("game.texts", "is required");
  absl::flat_hash_set<std::string> languages;
  for (int i = 0; i < game.texts_size(); ++i) {
    if (!languages.insert(absl::AsciiStrToLower(game.texts(i).language())).second) {
      return InvalidField(absl::StrCat("game.texts[", i, "].language"), "is there twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace playmesh::catalog
