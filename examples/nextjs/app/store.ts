/** A stand-in for your database: one JSON file. Sessions outlive a restart; tokens do not, and need not. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

interface Data {
  sessions: Record<string, string>
  notes: Record<string, string>
  board: string
}

const FILE = process.env.DATA_FILE ?? 'data.json'
const random = () => randomBytes(32).toString('base64url')
const TOKEN_LIFE_MS = 900_000

export const load = (): Data =>
  existsSync(/*turbopackIgnore: true*/ FILE)
    ? JSON.parse(readFileSync(/*turbopackIgnore: true*/ FILE, 'utf8'))
    : { sessions: {}, notes: {}, board: '' }

export function change(edit: (data: Data) => void): void {
  const data = load()
  edit(data)
  writeFileSync(`${FILE}.new`, JSON.stringify(data))
  renameSync(`${FILE}.new`, FILE)
}

export const userOf = (session: string): string | undefined => {
  const { sessions } = load()
  return Object.hasOwn(sessions, session) ? sessions[session] : undefined
}

export function beginSession(user: string): string {
  const session = random()
  change(({ sessions }) => {
    sessions[session] = user
  })
  return session
}

export const endSession = (session: string): void =>
  change(({ sessions }) => {
    delete sessions[session]
  })

/** What the page's `auth` gives: short-lived, and of one session. */
export function createTokens() {
  const tokens = new Map<unknown, { readonly session: string; readonly expiresAt: number }>()
  return {
    make(session: string) {
      for (const [token, { expiresAt }] of tokens) if (expiresAt < Date.now()) tokens.delete(token)
      const token = random()
      const expiresAt = Date.now() + TOKEN_LIFE_MS
      tokens.set(token, { session, expiresAt })
      return { token, expiresAt }
    },
    read(token: unknown): { readonly userId: string; readonly expiresAt: number } | undefined {
      const known = tokens.get(token)
      const userId = known && known.expiresAt > Date.now() ? userOf(known.session) : undefined
      return known && userId !== undefined ? { userId, expiresAt: known.expiresAt } : undefined
    },
  }
}
