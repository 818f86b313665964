export function Brand() {
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect className="brand-tile" width="32" height="32" rx="9" />
        <path className="brand-l" d="M10 8v15h12" />
        <circle className="brand-dot" cx="21" cy="11" r="2.6" />
      </svg>
      <span className="brand-name">Ledger</span>
    </span>
  )
}
