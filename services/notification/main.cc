#include "common/service/platform.h"
#include "services/notification/mail_queue.h"
#include "services/notification/notification_config.h"
#include "services/notification/notification_events.h"
#include "services/notification/notification_service.h"
#include "services/notification/smtp_sender.h"
#include "services/notification/update_fanout.h"

// Connections to the mail server, each with a thread.
constexpr int kMailSenders = 4;

int main(int argc, char** argv) {
  using namespace playmesh;                // NOLINT(google-build-using-namespace)
  using namespace playmesh::notification;  // NOLINT(google-build-using-namespace)
  return Run<NotificationConfig>(
      "notification", argc, argv,
      [](Platform& p, const NotificationConfig& config) -> absl::Status {
        p.Serve<NotificationService>(NotificationService::Deps{p.db(), p.clock()});
        p.Consume<NotificationEvents>(NotificationEvents::Deps{p.clock()});
        p.Every("notification.TellOwners", kFanoutInterval,
                [&p] { return TellOwners(p.db(), p.clock()); });

        auto identity =
            std::make_shared<identity::v1::IdentityServiceClient>(p.Channel("identity"));
        auto mails = std::make_shared<MailQueue>(MailQueue::Deps{p.db(), p.clock(), *identity});
        p.Keep(identity);
        for (int i = 0; i < kMailSenders; ++i) {
          auto sender = std::make_shared<SmtpSender>(config.smtp);
          p.Every("notification.SendMails", kMailInterval, [=] { return mails->SendDue(*sender); });
        }
        p.Every("notification.ForgetMails", kForgetInterval, [=] { return mails->ForgetOld(); });
        return absl::OkStatus();
      });
}
