// A look into the mail that was sent, at the SMTP server that catches it.
import { check, eventually } from "./check.js";
import type { World } from "./world.js";

/** A message, as the catching server shows it. */
export interface Mail {
  mail_from: string;
  rcpt_tos: string[];
  subject: string;
  text: string | null;
}

/** The first mail to `email` that `isIt`, once it was sent. */
export async function mailTo(
  { mesh }: World,
  email: string,
  what: string,
  isIt: (mail: Mail) => boolean,
): Promise<Mail> {
  check(mesh.mailUrl, "PLAYMESH_MAIL_URL is not set; leave this check out with --skip mail");
  return eventually(`${what} by e-mail to ${email}`, async () => {
    const response = await fetch(`${mesh.mailUrl}/messages?to=${encodeURIComponent(email)}`);
    check(response.ok, `the mail server answers ${response.status}`);
    const mails = (await response.json()) as Mail[];
    return mails.find((mail) => mail.rcpt_tos.includes(email) && isIt(mail));
  });
}
