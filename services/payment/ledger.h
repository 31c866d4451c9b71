// The double-entry ledger: what each payment did to whom. Entries are only added; the database
// itself refuses transactions that do not sum to zero in each currency, and any change. A balance
// is the sum of an account's entries.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/db/database.h"
#include "services/payment/payment_state.h"

namespace playmesh::payment {

// Writes down that a payment was captured: the provider owes us the whole, we owe each organisation
// its part less the fee that was agreed, and earned the fees. ALREADY_EXISTS when that was written
// before.
absl::Status RecordCapture(Transaction& tx, const Payment& payment, absl::Time now);

// Writes the mirror of the payment's capture, entry by entry. ALREADY_EXISTS when that was written
// before.
absl::Status RecordRefund(Transaction& tx, const Payment& payment, absl::Time now);

}  // namespace playmesh::payment
