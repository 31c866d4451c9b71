#include "services/identity/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <cstdlib>

namespace playmesh::identity {
namespace {

std::string Normalise(const icu::Normalizer2* form, absl::string_view text, UErrorCode status) {
  std::string normalised;
  icu::StringByteSink<std::string> sink(&normalised);
  const icu::StringPiece piece(text.data(), static_cast<int32_t>(text.size()));
  if (U_SUCCESS(status)) form->normalizeUTF8(0, piece, sink, nullptr, status);
  // ICU's own tables are missing, or memory is: passwords must not be compared in another form.
  if (U_FAILURE(status)) std::abort();
  return normalised;
}

}  // namespace

std::string Nfkc(absl::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  return Normalise(icu::Normalizer2::getNFKCInstance(status), text, status);
}

std::string NfkcCasefold(absl::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  return Normalise(icu::Normalizer2::getNFKCCasefoldInstance(status), text, status);
}

}  // namespace playmesh::identity
