// Mail over SMTP (RFC 5321), through libcurl.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "services/notification/mail_sender.h"

namespace playmesh::notification {

struct SmtpOptions {
  // "smtp://host:port", upgraded to TLS when the server offers it, or "smtps://host:port".
  std::string url;
  // "Playmesh <no-reply@playmesh.example>"; ASCII.
  std::string from;
  // With a user, TLS is required.
  std::string user;
  std::string password;
  // For one mail, from connecting to the server's last word.
  absl::Duration timeout = absl::Seconds(10);
};

// One connection, kept between mails. Used by one thread at a time.
class SmtpSender : public MailSender {
 public:
  explicit SmtpSender(SmtpOptions options);
  ~SmtpSender() override;

  absl::Status Send(const Mail& mail) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A header's text: as it is when it is plain ASCII on one line, else in encoded words (RFC 2047),
// folded. Control characters become spaces, so no text can begin a header of its own.
std::string EncodeHeader(absl::string_view text);

}  // namespace playmesh::notification
