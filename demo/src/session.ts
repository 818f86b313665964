import type { User } from '../server/bank.js'
import { ApiError, actAs, api, onUnauthorized } from './api.js'
import { openChannel } from './channel.js'
import { failure, news } from './news.js'
import { queryClient } from './query-client.js'
import { line } from './realtime.js'
import { forgetSnapshot } from './snapshot.js'
import { createStore } from './store.js'

export type Session =
  /** `isStuck`: the bank has not answered at the first attempt. */
  | { readonly phase: 'checking'; readonly isStuck?: boolean }
  | { readonly phase: 'signed-out'; readonly notice?: string }
  | { readonly phase: 'signed-in'; readonly user: User }

/** Who is signed in, as far as this tab knows. All tabs share the cookie, so every tab has to agree. */
export const session = createStore<Session>({ phase: 'checking' })

/** Tabs announce to each other that the cookie is another user's. Only the user's id is posted, nothing secret. */
const announce = openChannel<{ userId: string | undefined }>('ledger-session', ({ userId }) => {
  if (userId === currentUserId()) return
  become({ phase: 'checking' })
  void checkSession()
})

/** The same for a page in the back/forward cache, which gets no messages: it reads this when it is shown again. */
const note = {
  leave: (userId: string | undefined) => localStorage.setItem('ledger-user', userId ?? ''),
  read: () => localStorage.getItem('ledger-user') || undefined,
}

function tellOtherTabs(userId: string | undefined): void {
  note.leave(userId)
  announce({ userId })
}

const currentUserId = () => {
  const now = session.get()
  return now.phase === 'signed-in' ? now.user.id : undefined
}

/** The one place where the user changes: the former user's data is removed before anything is drawn for the next. */
function become(next: Session): void {
  const userId = next.phase === 'signed-in' ? next.user.id : undefined
  if (userId !== currentUserId()) {
    actAs(userId)
    queryClient.clear()
    forgetSnapshot()
    news.set(undefined)
    failure.set(undefined)
  }
  session.set(next)
}

let questions = 0

/** Asks the server who is signed in. Only the answer to the newest request counts. */
export async function checkSession(notice?: string): Promise<void> {
  questions += 1
  const question = questions
  try {
    const user = await api.me()
    if (question !== questions) return
    if (!user) become({ phase: 'signed-out', ...(notice === undefined ? {} : { notice }) })
    else if (user.id !== currentUserId()) become({ phase: 'signed-in', user })
  } catch {
    // No answer, for now: better to wait than to guess.
    if (question !== questions) return
    if (session.get().phase === 'checking') session.set({ phase: 'checking', isStuck: true })
    setTimeout(() => question === questions && void checkSession(notice), 1_500)
  }
}

export async function signIn(userId: string): Promise<void> {
  const user = await api.signIn(userId)
  questions += 1
  become({ phase: 'signed-in', user })
  tellOtherTabs(user.id)
}

let signingOut = false

export async function signOut(): Promise<void> {
  signingOut = true
  try {
    questions += 1
    // First the line: from here on no tab of this user receives anything, whatever the network does next.
    line.signOut()
    const ended = api.signOut()
    become({ phase: 'signed-out' })
    await ended
    tellOtherTabs(undefined)
  } catch (error) {
    const why = error instanceof ApiError ? error.message : String(error)
    session.set({ phase: 'signed-out', notice: `This tab is signed out, but the bank was not told. ${why}` })
  } finally {
    signingOut = false
  }
}

/** Another tab signed this user out. */
async function followSignOut(): Promise<void> {
  const former = currentUserId()
  questions += 1
  const question = questions
  become({ phase: 'signed-out' })
  // Has another user signed in since? (If it is still the former one, the other tab's sign-out request is on its way.)
  const user = await api.me().catch(() => null)
  if (question === questions && user && user.id !== former) become({ phase: 'signed-in', user })
}

/** Starts to watch everything that can change who is signed in. */
export function watchSession(): void {
  onUnauthorized(() => void checkSession('Your session has ended. Please sign in again.'))

  const changedTo = (userId: string | undefined) => {
    if (userId !== currentUserId()) become({ phase: 'checking' })
    void checkSession()
  }
  let before = line.status.name
  line.subscribe(() => {
    const { name } = line.status
    const left = name === 'signed-out' && before !== 'signed-out'
    before = name
    if (left && !signingOut && currentUserId() !== undefined) void followSignOut()
  })

  addEventListener('pageshow', (event) => {
    if (event.persisted) changedTo(note.read())
  })

  void checkSession()
}
