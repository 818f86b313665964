import { stream } from '../server'

// GET is the stream, POST what belongs to it.
export const GET = stream.fetch
export const POST = stream.fetch
