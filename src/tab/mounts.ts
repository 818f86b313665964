import type { QueryClientSlice } from '../invalidation/query-client.js'
import type { LinkState } from '../link/link-options.js'
import type { SignOutWatch } from '../platform/sign-out-marks.js'
import type { Report } from '../util/errors.js'
import { SIGNED_OUT_ELSEWHERE, SIGNED_OUT_HERE } from '../wire/status.js'
import type { Opening } from './opening.js'
import type { Auth, GivenCredentials, Session } from './session.js'

export interface MountOptions {
  readonly queryClient: QueryClientSlice
  /** Who is signed in. Null, undefined and '' mean nobody: no socket is opened. */
  readonly identity: string | number | null | undefined
  /**
   * Called at every connection attempt, so that an expired token is renewed. Of several mounts for one identity, the newest one
   * with an `auth` is asked.
   */
  readonly auth?: (() => GivenCredentials | Promise<GivenCredentials>) | undefined
}

/**
 * Where a mounted session stands. Each state can become `ended`. Else:
 *
 * ```
 * opening --> open --> signed-out
 *    |                     ^
 *    +---------------------+
 * ```
 */
type MountedState =
  /** Its code and its url are being loaded. */
  | { readonly name: 'opening'; readonly opening: Opening }
  | { readonly name: 'open'; readonly session: Session }
  /** Here or in another tab. Without `session`, before there was one: the mark alone tells the other tabs. */
  | { readonly name: 'signed-out'; readonly session?: Session }
  /** Unmounted, or replaced by another mount. */
  | { readonly name: 'ended' }

/** One identity in this tab, mounted once or several times. */
export interface MountedSession {
  readonly identity: string
  readonly client: QueryClientSlice
  /** From the mount on. */
  readonly signOuts: SignOutWatch
  /** The newest is the last one. */
  mounts: readonly Mount[]
  state: MountedState
}

/** One call of `mount`, until its unmount. `auth` is read whenever credentials are needed: it may be a getter. */
interface Mount {
  readonly options: Pick<MountOptions, 'auth'>
}

/** Whom to ask for credentials: the newest mount that has any. A mount without an `auth` takes none away. */
export const authOf = ({ mounts }: MountedSession): Auth | undefined =>
  mounts.flatMap(({ options }) => options.auth ?? []).at(-1)

export interface MountsHandlers {
  watchSignOuts(identity: string): SignOutWatch
  /** Gets a session and hands it to `opened`, later. */
  open(mounted: MountedSession): Opening
  /** The state of the current session's link. */
  onState(state: LinkState): void
  /** Signed out before there is a link to say so. */
  onSignedOut(reason: string): void
  /** A mounted session begins. It will be opened. */
  onBegin(client: QueryClientSlice, identity: string): void
  /** The mounted session has ended, and no other one has begun yet. */
  onEnd(): void
  /** The client holds data of an identity that has ended. `isReplaced`: another identity is mounted at once. */
  onIdentityEnd(client: QueryClientSlice, isReplaced: boolean): void
}

/**
 * The identity that is mounted. A tab has one mounted session at a time. It ends a microtask after its last unmount, so that
 * a remount at once (StrictMode, a changed parent) joins it. Another identity ends it and releases its socket.
 */
export function createMounts(handlers: MountsHandlers, report: Report) {
  let current: MountedSession | undefined
  /** The identity whose data the client may hold. */
  let last: Pick<MountedSession, 'identity' | 'client'> | undefined

  function end(mounted: MountedSession, release: boolean): void {
    letGo(mounted, release)
    if (current !== mounted) return
    current = undefined
    handlers.onEnd()
  }

  /** Ends a session that the new mount is not part of. */
  function replace(mounted: MountedSession, identity: string): void {
    if (mounted.mounts.length > 0 && !isSignedOut(mounted)) {
      const what = 'mounted for another identity or QueryClient while mounted'
      report('mounted-twice', `${what}. The new mount replaces the old one`)
    }
    end(mounted, mounted.identity !== identity)
  }

  function mountNobody(): () => void {
    // Another component may have mounted this line for somebody.
    if (current?.mounts.length === 0) end(current, true)
    if (last && !current) {
      handlers.onIdentityEnd(last.client, false)
      last = undefined
    }
    return () => undefined
  }

  function begin(identity: string, client: QueryClientSlice): MountedSession {
    const signOuts = handlers.watchSignOuts(identity)
    const mounted: MountedSession = { identity, client, signOuts, mounts: [], state: { name: 'ended' } }
    signOuts.onMark(() => endIfSignedOut(mounted))
    current = mounted
    handlers.onBegin(client, identity)
    mounted.state = { name: 'opening', opening: handlers.open(mounted) }
    return mounted
  }

  /** Ends a session whose identity has signed out in another tab before it was open. */
  function endIfSignedOut(mounted: MountedSession): boolean {
    if (mounted.state.name === 'opening' && mounted.signOuts.last() === 'since')
      endOpening(mounted, SIGNED_OUT_ELSEWHERE)
    return mounted.state.name !== 'opening'
  }

  function endOpening(mounted: MountedSession, reason: string): void {
    if (mounted.state.name !== 'opening') return
    mounted.state.opening.cancel()
    mounted.state = { name: 'signed-out' }
    handlers.onIdentityEnd(mounted.client, false)
    handlers.onSignedOut(reason)
  }

  /** Makes an attempt, where one waits. A session that is signed out stays so. */
  function retry(why: 'retry' | 'mount'): void {
    if (!current) return
    const { state } = current
    if (state.name === 'open') state.session.retry(why)
    else if (state.name === 'opening' && !endIfSignedOut(current)) state.opening.retry()
  }

  return {
    get current() {
      return current
    },
    retry: () => retry('retry'),
    mount(options: MountOptions): () => void {
      const { queryClient: client } = options
      const identity = identityName(options.identity, report)
      if (identity === '') return mountNobody()
      if (current && (current.identity !== identity || current.client !== client || isSignedOut(current)))
        replace(current, identity)
      if (last && last.client === client && last.identity !== identity) handlers.onIdentityEnd(client, true)
      last = { identity, client }

      const joined = current
      const mounted = joined ?? begin(identity, client)
      const own: Mount = { options }
      mounted.mounts = [...mounted.mounts, own]
      // The user may have signed in again: the line is not to rest on what was refused before.
      if (joined) retry('mount')

      return () => {
        if (!mounted.mounts.includes(own)) return
        mounted.mounts = mounted.mounts.filter((one) => one !== own)
        void Promise.resolve().then(() => {
          if (mounted.mounts.length === 0) end(mounted, false)
        })
      }
    },
    /** Gives false if the session may open. */
    endIfSignedOut,
    opened(mounted: MountedSession, session: Session): void {
      if (mounted.state.name === 'opening') mounted.state = { name: 'open', session }
      // The app has signed out, or mounted for somebody else, when it was told that this session connects.
      else session.close(true)
    },
    /** An open session is signed out only by its link's word. */
    linkChanged(mounted: MountedSession, link: LinkState): void {
      const { state } = mounted
      // A link may have to tell the other tabs of a sign-out after its mounted session has ended.
      if (state.name === 'ended' || (state.name === 'signed-out' && link.phase !== 'signed-out')) return
      if (state.name === 'open' && link.phase === 'signed-out') {
        mounted.state = { ...state, name: 'signed-out' }
        handlers.onIdentityEnd(mounted.client, false)
      }
      handlers.onState(link)
    },
    signOut(): void {
      if (!current || isSignedOut(current)) return
      // First, and at once: the other tabs find the mark whatever becomes of this page and of the hub in this moment.
      current.signOuts.mark()
      if (current.state.name === 'open') current.state.session.signOut()
      else endOpening(current, SIGNED_OUT_HERE)
    },
  }
}

/** Ends a mounted session. What it held is nobody's. */
function letGo(mounted: MountedSession, release: boolean): void {
  const { state, signOuts } = mounted
  mounted.state = { name: 'ended' }
  signOuts.close()
  if ('session' in state) state.session?.close(release)
  if ('opening' in state) state.opening.cancel()
}

const isSignedOut = ({ state }: MountedSession): boolean => state.name === 'signed-out'

/** Two identities must never have one name, as all objects would: a value that is no name counts as nobody. */
function identityName(identity: unknown, report: Report): string {
  if (identity === null || identity === undefined || typeof identity === 'string') return identity ?? ''
  if (typeof identity === 'number' && Number.isFinite(identity)) return String(identity)
  report('bad-option', `identity has to be a string or a number, not ${typeof identity}`, {
    detail: { option: 'identity' },
  })
  return ''
}
