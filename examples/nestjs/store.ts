/** A stand-in for your database: one JSON file. Sessions outlive a restart; tokens do not, and need not. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

interface Data {
  sessions: Record<string, string>
  notes: Record<string, string>
  board: string
}

const FILE = process.env['DATA_FILE'] ?? 'data.json'
const TOKEN_LIFE_MS = 900_000
const USERS: readonly unknown[] = ['ann', 'bob']
const tokens = new Map<unknown, { readonly session: string; readonly expiresAt: number }>()
const random = () => randomBytes(32).toString('base64url')

export const load = (): Data =>
  existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : { sessions: {}, notes: {}, board: '' }

export function change(edit: (data: Data) => void): void {
  const data = load()
  edit(data)
  writeFileSync(`${FILE}.new`, JSON.stringify(data))
  renameSync(`${FILE}.new`, FILE)
}

export const isUser = (name: unknown): name is string => USERS.includes(name)
export const userOf = (session: string): string | undefined => {
  const { sessions } = load()
  return Object.hasOwn(sessions, session) ? sessions[session] : undefined
}

export function beginSession(user: string): string {
  const session = random()
  change((data) => {
    data.sessions[session] = user
  })
  return session
}

export const endSession = (session: string): void =>
  change((data) => {
    delete data.sessions[session]
  })

/** What the page's `auth` gives: short-lived, and of one session. */
export function makeToken(session: string) {
  for (const [token, { expiresAt }] of tokens) if (expiresAt < Date.now()) tokens.delete(token)
  const token = random()
  const expiresAt = Date.now() + TOKEN_LIFE_MS
  tokens.set(token, { session, expiresAt })
  return { token, expiresAt }
}

export function readToken(token: unknown): { readonly userId: string; readonly expiresAt: number } | undefined {
  const known = tokens.get(token)
  if (!known || known.expiresAt < Date.now()) return undefined
  const userId = userOf(known.session)
  return userId === undefined ? undefined : { userId, expiresAt: known.expiresAt }
}
