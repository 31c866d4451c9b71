#include "services/catalog/search_text.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace playmesh::catalog {
namespace {

// Longer ones are cut, on both sides.
constexpr int kMaxWordCharacters = 64;
// A tsvector holds 1 MiB at most; texts past this limit are not searched.
constexpr size_t kMaxDocumentBytes = 512 * 1024;

// Letters that Unicode does not decompose, though people type them without their stroke.
UChar32 WithoutStroke(UChar32 c) {
  switch (c) {
    case 0x00F8:
      return 'o';  // ø
    case 0x0111:
      return 'd';  // đ
    case 0x0127:
      return 'h';  // ħ
    case 0x0131:
      return 'i';  // ı
    case 0x0142:
      return 'l';  // ł
    default:
      return c;
  }
}

// The accents of Latin, Greek and Cyrillic letters; marks of other scripts carry meaning.
bool IsAccent(UChar32 c) { return c >= 0x0300 && c <= 0x036F; }

bool IsApostrophe(UChar32 c) { return c == '\'' || c == 0x2019; }

bool IsWordCharacter(UChar32 c) { return u_isalnum(c) || (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0; }

// Whether a line may be broken beside the letter (UAX #14), which tells the scripts without spaces.
bool IsUnspaced(UChar32 c) {
  switch (u_getIntPropertyValue(c, UCHAR_LINE_BREAK)) {
    case U_LB_IDEOGRAPHIC:
    case U_LB_CONDITIONAL_JAPANESE_STARTER:
    case U_LB_NONSTARTER:
    case U_LB_COMPLEX_CONTEXT:
    case U_LB_H2:
    case U_LB_H3:
      return true;
    default:
      return false;
  }
}

icu::UnicodeString FoldedUnicode(absl::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const auto* casefold = icu::Normalizer2::getNFKCCasefoldInstance(error);
  const auto* decompose = icu::Normalizer2::getNFDInstance(error);
  const auto* compose = icu::Normalizer2::getNFCInstance(error);
  const auto utf8 = icu::StringPiece(text.data(), static_cast<int32_t>(text.size()));
  auto folded = icu::UnicodeString::fromUTF8(utf8);
  folded = decompose->normalize(casefold->normalize(folded, error), error);
  icu::UnicodeString bare;
  for (int32_t i = 0; i < folded.length(); i = folded.moveIndex32(i, 1)) {
    const UChar32 c = folded.char32At(i);
    if (!IsAccent(c)) bare.append(WithoutStroke(c));
  }
  return compose->normalize(bare, error);
}

std::string ToUtf8(const icu::UnicodeString& text) {
  std::string utf8;
  return text.toUTF8String(utf8);
}

// Cuts text into words; a run of unspaced letters into its pairs. `with_characters` adds the single
// characters of such a run, so that a query of one finds it.
std::vector<std::string> Words(absl::string_view text, bool with_characters) {
  std::vector<std::string> words;
  icu::UnicodeString word;
  icu::UnicodeString run;
  const auto end_word = [&] {
    if (!word.isEmpty()) words.push_back(ToUtf8(word));
    word.remove();
  };
  const auto end_run = [&] {
    const int32_t length = run.countChar32();
    for (int32_t i = 0; i < run.length(); i = run.moveIndex32(i, 1)) {
      const int32_t next = run.moveIndex32(i, 1);
      const bool character = with_characters || length == 1;
      if (character) words.push_back(ToUtf8(run.tempSubStringBetween(i, next)));
      if (next == run.length()) break;
      words.push_back(ToUtf8(run.tempSubStringBetween(i, run.moveIndex32(next, 1))));
    }
    run.remove();
  };
  const icu::UnicodeString folded = FoldedUnicode(text);
  for (int32_t i = 0; i < folded.length(); i = folded.moveIndex32(i, 1)) {
    const UChar32 c = folded.char32At(i);
    if (IsApostrophe(c)) continue;
    const bool unspaced = IsWordCharacter(c) && IsUnspaced(c);
    if (!unspaced) end_run();
    if (unspaced || !IsWordCharacter(c)) end_word();
    if (unspaced) {
      run.append(c);
    } else if (IsWordCharacter(c) && word.countChar32() < kMaxWordCharacters) {
      word.append(c);
    }
  }
  end_run();
  end_word();
  return words;
}

// Collects distinct words of a tsvector, up to kMaxDocumentBytes.
class WordList {
 public:
  // `weight` is "", ":1A" and the like, as in the input format of tsvector.
  void Add(absl::string_view text, absl::string_view weight) {
    for (std::string& word : Words(text, /*with_characters=*/true)) {
      if (vector_.size() > kMaxDocumentBytes) return;
      if (!seen_.insert(word).second) continue;
      // No quoting: words are letters, digits and marks only.
      absl::StrAppend(&vector_, "'", word, "'", weight, " ");
      words_.push_back(std::move(word));
    }
  }
  const std::string& vector() const { return vector_; }
  const std::vector<std::string>& words() const { return words_; }

 private:
  absl::flat_hash_set<std::string> seen_;
  std::string vector_;
  std::vector<std::string> words_;
};

std::vector<std::string> LanguagesAndTheirParents(const Game& game) {
  absl::flat_hash_set<std::string> languages;
  for (const std::string& tag : game.languages()) {
    const std::string language = absl::AsciiStrToLower(tag);
    for (size_t end = language.find_first_of("-@"); end != std::string::npos;
         end = language.find_first_of("-@", end + 1)) {
      languages.insert(language.substr(0, end));
    }
    languages.insert(language);
  }
  std::vector<std::string> sorted(languages.begin(), languages.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

std::string AnyOf(const std::string& word, const Alternatives& alternatives) {
  std::string any = absl::StrCat("'", word, "'");
  const auto found = alternatives.find(word);
  if (found == alternatives.end()) return any;
  for (const std::string& other : found->second) absl::StrAppend(&any, " | '", other, "'");
  return any;
}

std::string Join(const std::vector<std::string>& words, const Alternatives& alternatives,
                 absl::string_view op) {
  return absl::StrJoin(words, op, [&](std::string* out, const std::string& word) {
    absl::StrAppend(out, "(", AnyOf(word, alternatives), ")");
  });
}

}  // namespace

std::string Fold(absl::string_view text) { return ToUtf8(FoldedUnicode(text)); }

std::vector<std::string> QueryWords(absl::string_view query) {
  std::vector<std::string> distinct;
  absl::flat_hash_set<std::string> seen;
  for (std::string& word : Words(query, /*with_characters=*/false)) {
    if (distinct.size() == kMaxQueryWords) break;
    if (seen.insert(word).second) distinct.push_back(std::move(word));
  }
  return distinct;
}

SearchDocument MakeSearchDocument(const Game& game) {
  WordList head;
  WordList document;
  for (const LocalizedText& text : game.texts()) head.Add(text.title(), ":1A");
  for (const std::string& tag : game.tags()) head.Add(tag, ":1B");
  head.Add(game.developer_name(), ":1B");
  document.Add(absl::StrJoin(head.words(), " "), "");
  for (const LocalizedText& text : game.texts()) {
    document.Add(text.summary(), "");
    document.Add(text.description(), "");
  }
  return {Fold(game.texts(0).title()), head.vector(), document.vector(), head.words(),
          LanguagesAndTheirParents(game)};
}

std::string MatchAll(const std::vector<std::string>& words, const Alternatives& alternatives) {
  return Join(words, alternatives, " & ");
}

std::string MatchAny(const std::vector<std::string>& words, const Alternatives& alternatives) {
  return Join(words, alternatives, " | ");
}

}  // namespace playmesh::catalog
