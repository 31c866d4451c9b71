// What the service reads from the environment beside the platform's variables.
#pragma once

#include "common/config/config.h"
#include "services/notification/smtp_sender.h"

namespace playmesh::notification {

struct NotificationConfig {
  explicit NotificationConfig(config::Environment& env)
      : smtp{.url = env.String("PLAYMESH_SMTP_URL"),
             .from = env.String("PLAYMESH_MAIL_FROM"),
             .user = env.String("PLAYMESH_SMTP_USER", ""),
             .password = env.File("PLAYMESH_SMTP_PASSWORD_FILE", /*required=*/false)} {}

  SmtpOptions smtp;  // PLAYMESH_SMTP_*, PLAYMESH_MAIL_FROM
};

}  // namespace playmesh::notification
