/** Bundlers find the types of pusher-js's build for workers by themselves. This repository is checked as Node resolves modules. */
declare module 'pusher-js/worker' {
  import pusher from 'pusher-js/worker/index.js'

  const Pusher: typeof pusher.default
  type Pusher = InstanceType<typeof Pusher>
  export default Pusher
}
