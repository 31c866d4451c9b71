// E-mails that wait to be sent: written beside the event that they tell of, sent by whichever
// replica comes first.
//
// A mail reaches the server at least once: after a crash between the server's word and ours it is
// sent again, under the same Message-ID. What the server refuses for now is tried again for about
// two days, then failed.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/clock.h"
#include "common/db/database.h"
#include "playmesh/identity/v1/identity_service.playmesh.h"
#include "playmesh/notification/v1/notification_service.playmesh.h"
#include "services/notification/mail_sender.h"

namespace playmesh::notification {

// How often senders look for mails.
inline constexpr absl::Duration kMailInterval = absl::Milliseconds(200);
// How often mails that are done with are forgotten.
inline constexpr absl::Duration kForgetInterval = absl::Minutes(10);
// Attempts before a mail has failed; with RetryDelay they span two days.
inline constexpr int kMaxMailAttempts = 54;

// Pause after the attempt with this number, from 1: 30 seconds that double up to an hour.
absl::Duration RetryDelay(int attempt);

// Queues the mail to `user_id` about `event`, once for each `kind` and `source_id`, a UUID.
absl::Status AddMail(Transaction& tx, absl::Time now, NotificationKind kind,
                     const std::string& user_id, const std::string& source_id,
                     const google::protobuf::Message& event);

// Thread-safe, as long as each thread has its own sender.
class MailQueue {
 public:
  struct Deps {
    Database& db;
    const Clock& clock;
    identity::v1::IdentityServiceClient& identity;
  };
  explicit MailQueue(const Deps& deps)
      : db_(deps.db), clock_(deps.clock), identity_(deps.identity) {}

  // Sends what is due, for ten seconds at most. Mails to users who are gone are dropped.
  absl::Status SendDue(MailSender& sender);

  // Deletes mails that were done with 30 days ago: Kafka keeps no event for longer, so none can
  // come again.
  absl::Status ForgetOld();

 private:
  struct DueMail {
    std::string email_id;
    NotificationKind kind;
    std::string user_id;
    std::string event;
    int attempts;  // with the one under way
    absl::Time create_time;
  };
  using Contacts = absl::flat_hash_map<std::string, identity::v1::Contact>;

  absl::StatusOr<std::vector<DueMail>> Lease();
  absl::StatusOr<Contacts> FindContacts(const std::vector<DueMail>& mails);
  absl::Status Send(MailSender& sender, const DueMail& mail, const Contacts& contacts);
  absl::Status Settle(const DueMail& mail, const absl::Status& outcome);
  absl::Status Finish(const DueMail& mail, absl::string_view state, absl::string_view failure);
  absl::Status TryLater(const DueMail& mail, absl::string_view failure);
  absl::Status Release(std::vector<std::string> email_ids);

  Database& db_;
  const Clock& clock_;
  identity::v1::IdentityServiceClient& identity_;
};

}  // namespace playmesh::notification
