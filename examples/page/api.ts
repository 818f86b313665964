/** The API of the notes, for the examples of which only the line is of interest. */
import express, { type Express, type Request } from 'express'
import { originOf } from 'partyline/server'
import { beginSession, change, endSession, isUser, load, makeToken, userOf } from '../nestjs/store.js'

/** What changes are told to. `origin`: whose request it was, for the event's reserved field. */
export interface NotesLine {
  emitToUser(user: string, event: string, origin: string | undefined): unknown
  emitToTopic(topic: string, event: string, origin: string | undefined): unknown
  /** The session is over. */
  endUser(user: string): unknown
}

const sessionIn = ({ headers }: Request): string => /(?:^|; )session=([^;]*)/.exec(headers.cookie ?? '')?.[1] ?? ''

const userIn = (request: Request) => userOf(sessionIn(request))
const textIn = ({ body }: Request): string => String(Object(body).text ?? '')

export function createNotesApi(line: NotesLine): Express {
  const app = express()
  app.use('/api', express.json())
  app.get('/api/session', (request, response) => void response.json({ id: userIn(request) }))
  app.post('/api/session', (request, response) => {
    const { name } = Object(request.body)
    // An example: there are no passwords.
    if (!isUser(name)) return void response.sendStatus(401)
    response.cookie('session', beginSession(name), { httpOnly: true, sameSite: 'lax' }).json({ id: name })
  })
  app.delete('/api/session', (request, response) => {
    const user = userIn(request)
    endSession(sessionIn(request))
    if (user !== undefined) line.endUser(user)
    response.clearCookie('session').json({})
  })

  app.use('/api', (request, response, next) => {
    if (userIn(request) === undefined) response.sendStatus(401)
    else next()
  })
  app.post('/api/line-token', (request, response) => void response.json(makeToken(sessionIn(request))))
  app.get('/api/note', (request, response) => void response.json({ text: load().notes[userIn(request) ?? ''] ?? '' }))
  app.put('/api/note', async (request, response) => {
    const [user, text] = [userIn(request) ?? '', textIn(request)]
    change((data) => {
      data.notes[user] = text
    })
    await line.emitToUser(user, 'note_changed', originOf(request))
    response.json({ text })
  })
  app.get('/api/board', (_request, response) => void response.json({ text: load().board }))
  app.put('/api/board', async (request, response) => {
    const text = textIn(request)
    change((data) => {
      data.board = text
    })
    await line.emitToTopic('board', 'board_changed', originOf(request))
    response.json({ text })
  })
  return app
}
