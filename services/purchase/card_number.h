// Keeps card numbers out: Playmesh stores and passes on tokens only (PCI DSS, self-assessment
// questionnaire A).
#pragma once

#include "absl/strings/string_view.h"

namespace playmesh::purchase {

// Whether a run of 12 to 19 digits whose check digit is right (ISO/IEC 7812-1, annex B) stands
// anywhere in `text`.
bool HoldsCardNumber(absl::string_view text);

}  // namespace playmesh::purchase
