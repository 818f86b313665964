import { Notes } from './notes'

/** `/?worker=own`: with the transport and the worker of the app's own. */
export default async function Page({ searchParams }: { readonly searchParams: Promise<{ readonly worker?: string }> }) {
  const { worker } = await searchParams
  return <Notes isOwn={worker === 'own'} />
}
