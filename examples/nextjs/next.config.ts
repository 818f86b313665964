import type { NextConfig } from 'next'

const config: NextConfig = {
  // Only because this folder is in a repository that has a lock file of its own.
  turbopack: { root: import.meta.dirname },
}

export default config
