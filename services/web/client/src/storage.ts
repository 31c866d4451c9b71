// Where a session is kept between calls, pages and visits.

/** A session as it is stored: plain JSON. */
export interface StoredSession {
  accessToken: string;
  /** When to exchange the tokens, in milliseconds since 1970 by this device's clock. */
  refreshAtMs: number;
  refreshToken: string;
  /** Whose session it is, as the JSON form of `identity.User`. */
  user: object;
}

/** Keeps one session. Its methods may answer at once or with a promise. */
export interface SessionStorage {
  load(): StoredSession | undefined | Promise<StoredSession | undefined>;
  save(session: StoredSession): void | Promise<void>;
  clear(): void | Promise<void>;
  /**
   * Calls `listener` with what is stored now when somebody else who shares the storage has changed whose session it is; not
   * when they only exchanged tokens. Needed where several pages share it, so that none shows what is over.
   */
  onChange?(listener: (session: StoredSession | undefined) => void): void;
  /**
   * Runs `work` while nobody else who shares the storage runs theirs. Needed where several pages share it: a refresh
   * token that is spent twice ends the session.
   */
  exclusively?<T>(work: () => Promise<T>): Promise<T>;
}

/** Keeps the session until the page is left: the safest against scripts of others, the default. */
export function memoryStorage(): SessionStorage {
  let kept: StoredSession | undefined;
  return {
    load: () => kept,
    save: (session) => void (kept = session),
    clear: () => void (kept = undefined),
  };
}

/**
 * Keeps the session in `localStorage` (all tabs, over restarts) or `sessionStorage` (one tab). Any script of the page can
 * read it, so serve a strict Content-Security-Policy with it.
 */
export function webStorage(storage: Storage, key = "playmesh.session"): SessionStorage {
  return {
    load: () => parsed(storage.getItem(key)),
    save: (session) => storage.setItem(key, JSON.stringify(session)),
    clear: () => storage.removeItem(key),
    onChange: (listener) => {
      // Browsers dispatch it in all pages but the one that made the change (HTML, section 12.2); Node knows none.
      globalThis.addEventListener?.("storage", ({ storageArea, key: changed, oldValue, newValue }) => {
        if (storageArea !== storage || (changed !== null && changed !== key)) return;
        const [before, after] = [parsed(oldValue), parsed(newValue)];
        // Without a key all of it was cleared, and what was there before is not said.
        if (changed === null || JSON.stringify(before?.user) !== JSON.stringify(after?.user)) listener(after);
      });
    },
    // Browsers without Web Locks (they came in 2022) fall back to one lock for each page.
    ...(globalThis.navigator?.locks && {
      exclusively: async <T>(work: () => Promise<T>): Promise<T> => await navigator.locks.request(key, work),
    }),
  };
}

// What is no session is none: it would fail every call, and nothing would ever replace it.
function parsed(text: string | null): StoredSession | undefined {
  try {
    const stored = JSON.parse(text ?? "null") as StoredSession | null;
    return stored?.accessToken && stored.user ? stored : undefined;
  } catch {
    return undefined;
  }
}
