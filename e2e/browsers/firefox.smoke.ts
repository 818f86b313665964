import { inject } from 'vitest'
import { launchFirefox } from './firefox.js'
import { smoke } from './smoke.js'

smoke('Firefox', inject('browsers').firefox, launchFirefox)
