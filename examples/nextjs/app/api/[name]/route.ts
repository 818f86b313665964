/** The REST API: any route handlers. They know nothing of streams, but for the events that they send. */
import { endUser } from 'partyline/server'
import { notify, sessionIn, stream, tokens } from '../../server'
import { beginSession, change, endSession, load, userOf } from '../../store'

const USERS: readonly unknown[] = ['ann', 'bob']

type Handler = (request: Request, context: { readonly params: Promise<{ readonly name: string }> }) => Promise<Response>
type Handle = (request: Request, user: string, body: { readonly [name: string]: unknown }) => unknown

const no = (status: number) => new Response(null, { status })

/** One function for each name. What it gives is the answer. Only who is signed in gets in, but to `session`. */
const api =
  (handlers: Readonly<Record<string, Handle>>): Handler =>
  async (request, { params }) => {
    const { name } = await params
    const handle = Object.hasOwn(handlers, name) ? handlers[name] : undefined
    const user = userOf(sessionIn(request))
    if (!handle) return no(404)
    if (user === undefined && name !== 'session') return no(401)
    const body: unknown = await request.json().catch(() => undefined)
    const answer = await handle(request, user ?? '', Object(body))
    return answer instanceof Response ? answer : Response.json(answer)
  }

export const GET = api({
  session: (_request, user) => ({ id: user === '' ? null : user }),
  note: (_request, user) => ({ text: load().notes[user] ?? '' }),
  board: () => ({ text: load().board }),
})

export const POST = api({
  session(_request, _user, { name }) {
    // An example: there are no passwords.
    if (!USERS.includes(name)) return no(401)
    const cookie = `session=${beginSession(String(name))}; Path=/; HttpOnly; SameSite=Lax`
    return Response.json({ id: name }, { headers: { 'set-cookie': cookie } })
  },
  'line-token': (request) => tokens.make(sessionIn(request)),
})

export const PUT = api({
  note(request, user, { text = '' }) {
    if (typeof text !== 'string') return no(400)
    change(({ notes }) => {
      notes[user] = text
    })
    notify.from(request).user(user, 'note_changed')
    return { text }
  },
  board(request, _user, { text = '' }) {
    if (typeof text !== 'string') return no(400)
    change((data) => {
      data.board = text
    })
    notify.from(request).topic('board', 'board_changed')
    return { text }
  },
})

export const DELETE = api({
  async session(request, user) {
    // First the session, so that its tokens are refused; then what is open.
    endSession(sessionIn(request))
    if (user !== '') await endUser(stream, user)
    return {}
  },
})
