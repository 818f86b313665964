import { createPartyline } from 'partyline'

export const line = createPartyline({
  name: 'notes',
  invalidates: {
    note_changed: ['note'],
    board_changed: ['board'],
  },
})

export type Name = 'note' | 'board'

export async function request(method: string, path: string, body?: object) {
  const headers = { 'content-type': 'application/json' }
  const send = async (own: Record<string, string>) => {
    const response = await fetch(`/api/${path}`, {
      method,
      headers: { ...headers, ...own },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
    return response.json()
  }
  // The event of this tab's own write costs it no second fetch.
  return method === 'PUT' ? line.request(send) : send({})
}
