#include "services/catalog/game_fields.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace playmesh::catalog {
namespace {

// Those of ASCII and Latin-1 (ISO 6429), which is what Unicode calls so.
bool HasControlCharacter(const std::string& text) {
  const int32_t size = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < size;) {
    UChar32 character;
    U8_NEXT(text.data(), i, size, character);
    if (u_isISOControl(character)) return true;
  }
  return false;
}

}  // namespace

rpc::FieldMask SettableFields() {
  rpc::FieldMask fields;
  for (const char* name :
       {"texts", "tags", "platforms", "languages", "minimum_age", "developer_name", "license",
        "homepage_url", "screenshot_urls", "version", "release_notes", "external_id"}) {
    fields.add_paths(name);
  }
  return fields;
}

void CheckTexts(const Game& game, Violations& violations) {
  if (game.texts().empty()) violations.Add("game.texts", "is required");
  absl::flat_hash_set<std::string> languages;
  for (int i = 0; i < game.texts_size(); ++i) {
    const LocalizedText& text = game.texts(i);
    if (!languages.insert(absl::AsciiStrToLower(text.language())).second) {
      violations.Add(absl::StrCat("game.texts[", i, "].language"), "is there twice");
    }
    if (HasControlCharacter(text.title())) {
      violations.Add(absl::StrCat("game.texts[", i, "].title"), "holds a control character");
    }
  }
}

}  // namespace playmesh::catalog
