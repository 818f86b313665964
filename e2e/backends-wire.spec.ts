import { once } from 'node:events'
import { io } from 'socket.io-client'
import WebSocket from 'ws'
import { BACKENDS } from '../scripts/backends.js'
import { expect, test } from './backends.js'

// What docs/protocol.md asks of a server, of each backend, over its own wire.

interface Client {
  /** What the server said, in order: `_line`'s metadata, or an event's name; at the end `over`. */
  readonly heard: unknown[]
  /** Fresh credentials over the open connection. */
  renew(credentials: object): void
  send(event: string, metadata?: object): void
  /** With the number of a question. What is heard: `{ request, data }`. */
  ask(event: string, data: unknown, request: number): void
  close(): void
}

/** A bare client is quick, and asks often. */
const soon = <T>(look: () => T) => expect.poll(look, { intervals: [10, 20, 50, 100, 200] })
const heardOf = (event: string, metadata: unknown) => (['_line', '_line:answer'].includes(event) ? metadata : event)

function overWebSocket(url: string, credentials: object): Client {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/line`)
  const heard: unknown[] = []
  const send = (event: string, metadata?: object) => socket.send(JSON.stringify({ event, metadata }))
  socket.on('open', () => send('_line:auth', credentials))
  socket.on('message', (data) => {
    const { event, metadata } = JSON.parse(String(data))
    heard.push(heardOf(event, metadata))
  })
  socket.on('close', (code) => heard.push(code === 4401 ? 'over' : code))
  return {
    heard,
    send,
    ask: (event, data, request) => socket.send(JSON.stringify({ event, metadata: data, request })),
    renew: (fresh) => send('_line:auth', fresh),
    close: () => socket.terminate(),
  }
}

function overSse(url: string, { token, cursor, _line }: Readonly<Record<string, unknown>>): Client {
  const heard: unknown[] = []
  const life = new AbortController()
  let stream = ''
  const headersOf = (credential: unknown) => ({
    authorization:
      typeof credential === 'string'
        ? `Bearer ${credential}`
        : `Partyline ${btoa(JSON.stringify({ token: credential }))}`,
  })
  const post = (frames: unknown, headers = {}) =>
    fetch(`${url}/line`, {
      method: 'POST',
      headers: { 'x-partyline-stream': stream, ...headers },
      body: JSON.stringify(frames),
    })
  const identity = Object(_line).identity
  const headers = {
    ...headersOf(token),
    ...(cursor !== undefined && { 'last-event-id': String(cursor) }),
    ...(identity && { 'x-partyline-identity': identity }),
  }
  async function read() {
    const response = await fetch(`${url}/line`, { headers, signal: life.signal })
    if (!response.ok || !response.body) return void heard.push({ ok: false, ...(await response.json()) })
    let text = ''
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1]
        const [named, data] = [field('event'), field('data')]
        if (data === undefined) continue
        // A server names an event in a line of its own, or within the data.
        const { event, metadata } =
          named === undefined ? JSON.parse(data) : { event: named, metadata: JSON.parse(data) }
        if (!metadata?.stream) heard.push(heardOf(event, metadata))
        else {
          stream = metadata.stream
          // To a client, that is the word that it is let in. FastAPI's example says it as on the other wire, too.
          if (named !== undefined) heard.push({ ok: true })
        }
      }
    }
  }
  const over = () => heard.push('over')
  read().then(over, over)
  let line = Promise.resolve<unknown>(undefined)
  const inTurn = (run: () => Promise<unknown>) => {
    // The stream may be over by then.
    line = line.then(run).catch(() => undefined)
  }
  return {
    heard,
    send: (event, metadata) => inTurn(() => post([{ event, metadata }])),
    ask: (event, data, request) => inTurn(() => post([{ event, metadata: data, request }])),
    renew: (fresh) => inTurn(() => post([{ event: '_line:auth' }], headersOf(Object(fresh).token))),
    close: () => life.abort(),
  }
}

function overSocketIo(url: string, auth: object): Client {
  const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true, auth })
  const heard: unknown[] = []
  socket.on('connect', () => heard.push({ ok: true }))
  socket.onAny((event, metadata) => heard.push(heardOf(event, metadata)))
  socket.on('disconnect', () => heard.push('over'))
  socket.on('connect_error', ({ message, ...rest }) => {
    heard.push({ ok: false, message, ...(rest as { data?: object }).data }, 'over')
  })
  return {
    heard,
    send: (event, metadata) => socket.emit(event, metadata),
    ask: (event, data, request) => socket.emit(event, data, (answer: unknown) => heard.push({ request, data: answer })),
    renew: (fresh) => socket.emit('_line:auth', fresh, (answer: unknown) => heard.push(answer)),
    // Without a goodbye.
    close: () => socket.io.engine.close(),
  }
}

for (const backend of BACKENDS) {
  test(`${backend.name} (${backend.transport}): the wire`, async ({ read }) => {
    const { reader } = await read(backend)
    const clients: Client[] = []
    const connect = (credentials: Readonly<Record<string, unknown>>): Client => {
      const open = { websocket: overWebSocket, 'socket.io': overSocketIo, sse: overSse }[backend.transport]
      const client = open(reader.front.url, credentials)
      clients.push(client)
      return client
    }
    const write = (text: string) => reader.request('PUT', 'note', { text })
    const tokenOf = async (name: string): Promise<Record<string, unknown>> => {
      await reader.signIn(name)
      return reader.request('POST', 'line-token')
    }

    await test.step('it says whom it let in, before any event', async () => {
      const credentials = await tokenOf('ann')
      const client = connect({ ...credentials, _line: { identity: 'ann' } })
      await soon(() => client.heard).toContainEqual({ ok: true })
      await write('one')
      await soon(() => client.heard).toContain('note_changed')
      expect(client.heard[0]).toEqual({ ok: true })
      expect(client.heard[1]).toMatchObject({ identity: 'ann' })
      client.close()
    })

    await test.step('it refuses what is no token, and another user’s', async () => {
      for (const token of [undefined, null, 7, '', { $ne: null }, 'made up']) {
        const client = connect({ token })
        await soon(() => client.heard).toEqual([expect.objectContaining({ ok: false }), 'over'])
      }
      const mixedUp = connect({ ...(await tokenOf('ann')), _line: { identity: 'bob' } })
      const wrong = expect.objectContaining({ ok: false, code: 'wrong-identity' })
      await soon(() => mixedUp.heard).toEqual([wrong, 'over'])
    })

    await test.step('fresh credentials extend the session, bad ones change nothing, another user’s end it', async () => {
      const credentials = await tokenOf('ann')
      const client = connect(credentials)
      await soon(() => client.heard).toContainEqual(expect.objectContaining({ identity: 'ann' }))
      const answers = () => client.heard.slice(1).filter((word) => Object.hasOwn(Object(word), 'ok'))
      client.renew(await reader.request('POST', 'line-token'))
      await soon(answers).toEqual([{ ok: true }])
      client.renew({ token: 'made up' })
      await soon(answers).toEqual([{ ok: true }, expect.objectContaining({ ok: false })])
      await write('two')
      await soon(() => client.heard).toContain('note_changed')
      client.renew(await tokenOf('bob'))
      await soon(() => client.heard.at(-1)).toBe('over')
      expect(answers()).toContainEqual(expect.objectContaining({ ok: false, code: 'wrong-identity' }))
    })

    await test.step('topics: each join is answered with its number, and left is left', async () => {
      const client = connect(await tokenOf('ann'))
      await soon(() => client.heard).toContainEqual({ ok: true })
      const answers = () => client.heard.filter((word) => Object.hasOwn(Object(word), 'topic'))
      const events = () => client.heard.filter((word) => word === 'board_changed')
      client.send('_line:join', { topics: ['board', 'nothing', 7, '', 'x'.repeat(201)], request: 7 })
      await soon(answers).toHaveLength(2)
      expect(answers()).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ topic: 'board', ok: true, request: 7 }),
          expect.objectContaining({ topic: 'nothing', ok: false, request: 7 }),
        ]),
      )
      await reader.request('PUT', 'board', { text: 'one' })
      await soon(events).toHaveLength(1)
      client.send('_line:leave', { topics: ['board'] })
      client.send('_line:join', { topics: ['nothing'], request: 8 })
      await soon(answers).toHaveLength(3)
      await reader.request('PUT', 'board', { text: 'two' })
      await write('after it')
      await soon(() => client.heard.at(-1)).toBe('note_changed')
      expect(events()).toHaveLength(1)
    })

    await test.step('what a tab sends is acknowledged with its number, once, and refused where it is wrong', async () => {
      const client = connect(await tokenOf('ann'))
      await soon(() => client.heard).toContainEqual(expect.objectContaining({ identity: 'ann' }))
      const answers = () => client.heard.filter((word) => Object.hasOwn(Object(word), 'data'))
      client.ask('chat:say', { text: 'hi', _line: { tab: 'k3' } }, 1)
      await soon(answers).toEqual([{ request: 1, data: { id: expect.any(String) } }])
      client.send('chat:say', { text: 'nobody waits for it' })
      for (const [index, data] of [{ text: '' }, { text: { $ne: null } }, null, 7, ['hi'], 'hi'].entries())
        client.ask('chat:say', data, index + 2)
      await soon(answers).toHaveLength(7)
      for (const answer of answers().slice(1)) expect(answer).toMatchObject({ data: { ok: false, code: 'empty' } })
      expect(new Set(answers().map((answer) => Object(answer).request)).size).toBe(7)
    })

    if (backend.replays)
      await test.step('what came after the cursor is sent again, and nothing where the log does not reach', async () => {
        const credentials = await tokenOf('ann')
        const client = connect(credentials)
        const cursorOf = () => client.heard.map((word) => Object(word).cursor).find((cursor) => cursor !== undefined)
        await soon(cursorOf).toBeDefined()
        client.close()
        for (const text of ['three', 'four']) await write(text)
        const back = connect({ ...credentials, cursor: cursorOf() })
        await soon(() => back.heard.at(-1)).toEqual({ replayed: true })
        expect(back.heard.slice(-3, -1)).toEqual(['note_changed', 'note_changed'])
        for (const cursor of ['another life:1', 7, {}, `${cursorOf()}9999`, 'x'.repeat(10_000)]) {
          const other = connect({ ...credentials, cursor })
          await soon(() => other.heard.at(-1)).toEqual({ replayed: false })
        }
      })

    await test.step('nothing that a client says breaks it', async () => {
      const client = connect(await tokenOf('ann'))
      await soon(() => client.heard).toContainEqual({ ok: true })
      for (const event of ['_line:join', '_line:leave', '_line:later', 'unknown'])
        for (const topics of [undefined, null, 7, 'board', {}, [{}], ['\ud800'], Array(5_000).fill('nothing')])
          client.send(event, { topics, request: { $ne: null } })
      if (backend.transport === 'websocket') {
        const raw = new WebSocket(`${reader.front.url.replace('http', 'ws')}/line`)
        await once(raw, 'open')
        const deep = '['.repeat(20_000) + ']'.repeat(20_000)
        const no = ['', 'no JSON', '[]', 'null', '7', '{}', '{"event":7}', `{"event":${deep}}`, '{"event":1e999}']
        for (const data of no) raw.send(data)
        // Who is not let in sends nothing.
        raw.send('{"event":"chat:say","metadata":{"text":"hi"},"request":1}')
        raw.send(Buffer.from('{"event":"_line:ping"}'))
        raw.send('{"event":"_line:ping"}')
        expect(JSON.parse(String((await once(raw, 'message'))[0]))).toEqual({ event: '_line:pong' })
        raw.terminate()
      }
      await write('after all that')
      await soon(() => client.heard).toContain('note_changed')
      // What is asked many times at once is answered once.
      expect(client.heard.filter((word) => Object.hasOwn(Object(word), 'topic')).length).toBeLessThan(10)
    })

    await test.step('a flood of sends holds nobody up, and each is acknowledged, refused by a code, or ended', async () => {
      const answersOf = ({ heard }: Client) => heard.filter((word) => Object.hasOwn(Object(word), 'data'))
      const flooder = connect(await tokenOf('bob'))
      const beside = connect(await tokenOf('ann'))
      for (const { heard } of [flooder, beside])
        await soon(() => heard).toContainEqual(expect.objectContaining({ identity: expect.any(String) }))
      // A bare client posts each by itself.
      const count = backend.transport === 'sse' ? 300 : 5_000
      for (let request = 1; request <= count; request++) flooder.ask('chat:say', { text: 'x' }, request)
      await write('beside a flood')
      await soon(() => beside.heard).toContain('note_changed')
      beside.ask('chat:say', { text: 'hi' }, 1)
      await soon(() => answersOf(beside)).toEqual([{ request: 1, data: { id: expect.any(String) } }])
      // A server may end a connection that reads slower than it asks, by any code: Go's has room for 1,000 frames.
      const isOver = (last: unknown) => last === 'over' || typeof last === 'number'
      await soon(() => isOver(flooder.heard.at(-1)) || answersOf(flooder).length === count).toBe(true)
      const isKnown = (word: unknown) => {
        const { id, code } = Object(Object(word).data)
        return typeof id === 'string' || code === 'too-many'
      }
      expect(answersOf(flooder).every(isKnown)).toBe(true)
    })

    await test.step('a sign-out ends what is open, and its tokens', async () => {
      const credentials = await tokenOf('ann')
      const client = connect(credentials)
      await soon(() => client.heard).toContainEqual({ ok: true })
      await reader.request('DELETE', 'session')
      await soon(() => client.heard.at(-1)).toBe('over')
      const late = connect(credentials)
      await soon(() => late.heard).toEqual([expect.objectContaining({ ok: false }), 'over'])
    })
    for (const client of clients) client.close()
  })
}
