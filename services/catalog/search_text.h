// How search reads text: the same for what is searched and for what is asked, in any language and
// whatever the locale of the database.
//
// Text is folded (NFKC and case folding of Unicode, without accents) and cut into words. Scripts
// that put no spaces between words (Chinese, Japanese, Korean, Thai, …) are cut into all pairs of
// neighbouring characters, so that any part of a title finds it.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "playmesh/catalog/v1/catalog_service.playmesh.h"

namespace playmesh::catalog {

// Words of a query that count; those after them are ignored.
inline constexpr size_t kMaxQueryWords = 32;

// Without case, accents and compatibility forms: "Ｄürer" is "durer".
std::string Fold(absl::string_view text);

// The distinct words of a query, in their order. Words hold letters, digits and combining marks
// only.
std::vector<std::string> QueryWords(absl::string_view query);

// What search keeps of a game; tsvectors as PostgreSQL's input format.
struct SearchDocument {
  std::string title_key;
  std::string head;                    // words of titles (A), tags and developer (B)
  std::string document;                // words of everything
  std::vector<std::string> words;      // those of `head`
  std::vector<std::string> languages;  // lower case; "pt-BR" is there as "pt" and "pt-br"
};
SearchDocument MakeSearchDocument(const Game& game);

// Words that are asked for instead of one, or beside it.
using Alternatives = absl::flat_hash_map<std::string, std::vector<std::string>>;

// A tsquery that matches documents with all of `words`, each itself or one of its alternatives.
std::string MatchAll(const std::vector<std::string>& words, const Alternatives& alternatives);
// A tsquery of the same words that matches any of them: for the rank.
std::string MatchAny(const std::vector<std::string>& words, const Alternatives& alternatives);

}  // namespace playmesh::catalog
