// What users read: the words of notifications and e-mails. Plain text; names and titles that others
// chose stand in it as they are, but on one line.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "playmesh/catalog/v1/catalog_events.pb.h"
#include "playmesh/identity/v1/identity_service.pb.h"
#include "playmesh/notification/v1/notification_service.playmesh.h"
#include "playmesh/purchase/v1/purchase_events.pb.h"

namespace playmesh::notification {

// One entry of the inbox, in English: the reader's language is not known when it is made.
struct InboxText {
  std::string title;
  std::string body;
};
InboxText WelcomeText();
InboxText PurchaseText(const purchase::v1::PurchaseCompleted& event);
InboxText RefundText(const purchase::v1::PurchaseRefunded& event);
InboxText UpdateText(const catalog::v1::GameUpdated& event);

struct MailText {
  std::string subject;
  std::string body;  // lines end with "\n"
};

// The mail to `contact` about an event, in the contact's language as far as there are texts in it.
// `event` is the serialized UserRegistered, PurchaseCompleted or PurchaseRefunded that belongs to
// `kind`. INVALID_ARGUMENT when it is not.
absl::StatusOr<MailText> RenderMail(NotificationKind kind, absl::string_view event,
                                    const identity::v1::Contact& contact);

}  // namespace playmesh::notification
