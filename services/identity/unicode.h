// Forms in which text is compared (Unicode Standard Annex 15), through ICU.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace playmesh::identity {

// NFKC: the same for a password however a keyboard composes it. `text` is UTF-8.
std::string Nfkc(absl::string_view text);

// NFKC_Casefold: the same for an address in whatever case. `text` is UTF-8.
std::string NfkcCasefold(absl::string_view text);

}  // namespace playmesh::identity
