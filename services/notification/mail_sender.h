// The way out for e-mail.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace playmesh::notification {

struct Mail {
  std::string
      mail_id;  // UUID; the same when the mail is sent again, so that a repetition can be told
  std::string address;
  std::string subject;
  std::string body;  // plain text; lines end with "\n"
  absl::Time date;
};

// Hands mails over to a mail server.
class MailSender {
 public:
  virtual ~MailSender() = default;
  // OK once the server has taken the mail. UNAVAILABLE when it may do so later, FAILED_PRECONDITION
  // when it never will. Messages of errors hold no personal data.
  virtual absl::Status Send(const Mail& mail) = 0;
};

}  // namespace playmesh::notification
