/** The names of features of a setting that can be left out, and their neutral values. */
export const FEATURES = {
  /** The server takes the browser for whoever signed in last. */
  cookie: { cookie: false },
  /** A tab keeps the token of its own sign-in, also when it is no longer valid. */
  'own-tokens': { ownTokens: false },
  /** Credentials end after a while, and say when. */
  expiry: { tokenLifeMs: 0 },
  'refusing-locks': { lockTrouble: 'none' },
  'refusing-channels': { channelTrouble: 'none' },
  /** Apps name their writes to the server. */
  'own-writes': { ownWrites: false },
  polling: { polling: false },
  /** The server takes long to let somebody in. */
  'slow-admission': { admissionMs: 0 },
  /** The server says for how long it has sent nothing. */
  quiet: { quiet: 'unknown' },
  'failed-imports': { failedImports: 'named' },
  'clear-on-switch': { clearOnSwitch: false },
  'broken-touches': { brokenTouches: false },
  /** The app forces a host. */
  hosts: { host: 'auto' },
  /** Two apps on one origin: by name, by path, by the server's address. */
  apps: { apps: 'one' },
  /** Tabs that are visible at once share fetches. */
  'share-fetches': { shareFetches: false },
  /** Plain WebSocket instead of Socket.IO. */
  websocket: { transport: 'socket.io' },
  'url-function': { urlFunction: false },
} as const

/** The faults that are commands, by their `do`. */
export const FAULT_COMMANDS = [
  'auth-trouble',
  'refresh',
  'store-down',
  'flap',
  'online-storm',
  'clock',
  'chunks',
  'foreign',
  'send',
  'topic',
  'room-write',
  'forge',
  'spread',
  'announce',
  'write-any',
  'garble',
  'url-trouble',
  'sign-out-crash',
  'frozen-sign-out',
  'sign-out-in',
  'remount',
] as const

/** The names of questions that can be left out. */
export const CHECKS = [
  'check-sign-out',
  'check-status',
  'check-costs',
  'check-convergence',
  'check-order',
  'check-receipts',
  'check-held',
] as const
export type Check = (typeof CHECKS)[number]
