// Registration and sessions.
import { Code, identity } from "@playmesh/client";
import { check, checkFails, checkSame } from "./check.js";
import { newPerson } from "./people.js";
import type { Step } from "./world.js";

export const accounts: Step[] = [
  {
    name: "register and sign in",
    async run(world) {
      world.buyer = await newPerson(world.mesh.edgeUrl, "Ada Buyer");
      const { user } = await world.buyer.playmesh.identity.getProfile({});
      checkSame(
        [user?.userId, user?.email, user?.roles],
        [world.buyer.userId, world.buyer.email, [identity.Role.PLAYER]],
        "profile",
      );
      return world.buyer.email;
    },
  },
  {
    name: "registration refuses",
    async run({ buyer }) {
      const { email, playmesh } = buyer;
      const account = { email, password: "another good one", displayName: "Eve", countryCode: "DE" };
      const bad = { email: "nowhere", password: "short", displayName: "", countryCode: "Germany" };
      const error = await checkFails(playmesh.identity.register(bad), Code.InvalidArgument);
      checkSame(
        Object.keys(error.fields).sort(),
        ["countryCode", "displayName", "email", "password"],
        "violated fields",
      );
      await checkFails(playmesh.identity.register(account), Code.AlreadyExists, "EMAIL_TAKEN");
      const weak = { ...account, email: `new.${email}`, password: "password123" };
      await checkFails(playmesh.identity.register(weak), Code.InvalidArgument, "WEAK_PASSWORD");
      await checkFails(
        playmesh.session.signIn({ email, password: "wrong one" }),
        Code.Unauthenticated,
        "WRONG_CREDENTIALS",
      );
      return "four bad fields at once, a taken address, a weak and a wrong password";
    },
  },
  {
    name: "refresh the session",
    async run({ buyer }) {
      const before = await buyer.storage.load();
      await buyer.playmesh.session.refresh();
      const after = await buyer.storage.load();
      check(before && after && before.refreshToken !== after.refreshToken, "the refresh token is the same as before");
      await buyer.playmesh.identity.getProfile({});
      return "new tokens work";
    },
  },
  {
    name: "sign out",
    async run({ mesh }) {
      const guest = await newPerson(mesh.edgeUrl, "Guest");
      const session = await guest.storage.load();
      check(session, "nobody is signed in");
      await guest.playmesh.session.signOut();
      await checkFails(guest.playmesh.identity.getProfile({}), Code.Unauthenticated);
      const { refreshToken } = session;
      await checkFails(guest.playmesh.identity.refreshSession({ refreshToken }), Code.Unauthenticated, "SESSION_ENDED");
      return "the session is over on the server too";
    },
  },
];
