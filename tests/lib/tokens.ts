// Tokens, genuine and forged, made with the mesh's own keys.
import { type JsonWebKey, createHmac, createPrivateKey, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EDGE_URL, HOME } from "./mesh.js";

type Jwk = JsonWebKey & { kid: string };
type Json = Record<string, unknown>;

/** What differs from a genuine token. */
export interface Forgery {
  header?: Json;
  claims?: Json;
  /** Signs instead of the genuine key. */
  key?: JsonWebKey;
}

const signingKeys = JSON.parse(readFileSync(join(HOME, "secrets/identity/signing-keys.json"), "utf8")) as {
  keys: [Jwk];
};

/** The key with which identity signs access tokens. */
export const SIGNING_KEY: Jwk = signingKeys.keys[0];

/** A key that nobody has heard of. */
export const STRANGE_KEY: JsonWebKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
  format: "jwk",
});

/** An access token as identity issues it, good for ten minutes, but for `forgery`. Without claims of its own it may do nothing. */
export function accessToken({ header = {}, claims = {}, key = SIGNING_KEY }: Forgery = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const genuine = {
    iss: EDGE_URL,
    aud: "playmesh",
    sub: randomUUID(),
    sid: randomUUID(),
    jti: randomUUID(),
    client_id: "playmesh",
    iat: now,
    exp: now + 600,
    scope: "",
    roles: [],
    orgs: {},
  };
  return signed({ typ: "at+jwt", kid: SIGNING_KEY.kid, ...header }, { ...genuine, ...claims }, key);
}

/** A token with which `service` calls `callee`, but for `forgery`. */
export function serviceToken(service: string, callee: string, { header = {}, claims = {}, key }: Forgery = {}): string {
  const own = JSON.parse(readFileSync(join(HOME, `secrets/${service}/key.json`), "utf8")) as Jwk;
  const now = Math.floor(Date.now() / 1000);
  const genuine = { iss: service, sub: service, aud: callee, iat: now, exp: now + 60 };
  return signed({ typ: "svc+jwt", kid: service, ...header }, { ...genuine, ...claims }, key ?? own);
}

/** A token without a signature, which says so (RFC 8725, section 2.1). */
export function unsigned(token: string): string {
  const [header, claims] = token.split(".");
  return `${encode({ ...decode(header!), alg: "none" })}.${claims}.`;
}

/** The same token, "signed" with the public key as an HMAC secret (RFC 8725, section 2.1). */
export function signedWithPublicKey(token: string): string {
  const [header, claims] = token.split(".");
  const { d: _, ...publicKey } = SIGNING_KEY;
  const body = `${encode({ ...decode(header!), alg: "HS256" })}.${claims}`;
  return `${body}.${createHmac("sha256", JSON.stringify(publicKey)).update(body).digest("base64url")}`;
}

/** The same signature over other claims. */
export function tampered(token: string, claims: Json): string {
  const [header, genuine, signature] = token.split(".");
  return `${header}.${encode({ ...decode(genuine!), ...claims })}.${signature}`;
}

function signed(header: Json, claims: Json, key: JsonWebKey): string {
  const body = `${encode({ alg: "ES256", ...header })}.${encode(claims)}`;
  const privateKey = createPrivateKey({ key, format: "jwk" });
  return `${body}.${sign("sha256", Buffer.from(body), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

function encode(json: Json): string {
  return Buffer.from(JSON.stringify(json)).toString("base64url");
}

function decode(part: string): Json {
  return JSON.parse(Buffer.from(part, "base64url").toString()) as Json;
}
