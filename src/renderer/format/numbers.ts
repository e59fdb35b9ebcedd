const WHOLE = new Intl.NumberFormat('en-GB')

/** 1234567 -> "1,234,567". */
export function whole(value: number): string {
  return WHOLE.format(value)
}

/** About `digits` significant digits, without trailing noise: 0.034567 -> "0.03457", 1.5e9 -> "1.5e+9". */
export function significant(value: number | null, digits = 4): string {
  if (value === null || Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 10 ** (digits + 2) || size < 1e-4) return value.toExponential(digits - 1).replace(/\.?0+e/, 'e').replace('-', '−')
  const text = size >= 10 ** digits ? value.toFixed(0) : value.toPrecision(digits)
  return text.replace('-', '−')
}

/** At most four significant digits, without trailing zeros: for axes and settings. */
export function tickText(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(1).replace('.0e', 'e').replace('-', '−')
  return Number(value.toPrecision(4)).toString().replace('-', '−')
}

/** A share between 0 and 1 with `digits` decimals; a dash for null. */
export function ratio(value: number | null, digits = 3): string {
  return value === null || Number.isNaN(value) ? '–' : value.toFixed(digits)
}

/** 0.1234 -> "12.3 %". */
export function percent(value: number, digits = 1): string {
  return `${(value * 100).toFixed(digits)} %`
}

/** 1536 -> "1.5 kB". */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let size = value
  let unit = 0
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${unit === 0 || size >= 100 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`
}
