import type { Status } from 'partyline'

const HOST_NAMES = {
  'shared-worker': 'a SharedWorker',
  'leader-tab': 'the leader tab',
  'this-tab': 'this tab alone',
} as const

/** The status in words: the socket's state and why, where the hub runs and why there. */
export function Standing({ status }: { status: Status }) {
  const { host, role, steps, lastGap } = status
  return (
    <dl className="standing">
      <dt>Socket</dt>
      <dd>
        <span className="state" data-state={status.name} data-testid="status-name">
          {status.name}
        </span>
        <span className="why" data-testid="status-reason">
          {status.reason}
        </span>
      </dd>
      <dt>Owner</dt>
      <dd>
        <span data-testid="status-host" title={host && `in ${HOST_NAMES[host]}`}>
          {host ?? 'none yet'}
        </span>
        {role && <span data-testid="status-role">, this tab is the {role}</span>}
        {steps.map((step) => (
          <span key={step.host} className="why" data-testid="status-step">
            not {step.host}: {step.reason}
          </span>
        ))}
      </dd>
      {lastGap && (
        <>
          <dt>Last gap</dt>
          <dd>
            <span data-testid="status-gap">{new Date(lastGap.until).toLocaleTimeString('en-GB')}</span>
            <span className="why">{lastGap.reason}</span>
          </dd>
        </>
      )}
    </dl>
  )
}
