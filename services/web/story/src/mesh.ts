// Where the mesh is.
import { edgeUrl, meshVariables } from "../../mesh_env.js";

/** Addresses of a running mesh. */
export interface Mesh {
  edgeUrl: string;
  /** host:port of a broker. */
  kafka: string;
  /** HTTP API of the SMTP server that catches all mail. */
  mailUrl: string;
}

/** The mesh that the environment means. Throws when there is none. */
export function findMesh(): Mesh {
  const { PLAYMESH_KAFKA: kafka = "", PLAYMESH_MAIL_URL: mailUrl = "" } = meshVariables();
  return { edgeUrl: edgeUrl(), kafka, mailUrl };
}
