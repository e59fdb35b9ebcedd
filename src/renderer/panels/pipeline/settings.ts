export interface SettingRule {
  name: string
  whole: boolean
  least?: number
  most?: number
  /** Exclusive. */
  above?: number
}

export interface Setting {
  /** null: left to the pipeline. */
  value: number | null
  /** One sentence. */
  problem: string | null
}

/** Reads a typed number; an empty field leaves the choice to the pipeline. */
export function parseSetting(text: string, rule: SettingRule): Setting {
  const trimmed = text.trim().replace(',', '.')
  if (trimmed === '') return { value: null, problem: null }
  const value = Number(trimmed)
  const fits =
    Number.isFinite(value) &&
    (!rule.whole || Number.isInteger(value)) &&
    (rule.least === undefined || value >= rule.least) &&
    (rule.most === undefined || value <= rule.most) &&
    (rule.above === undefined || value > rule.above)
  return fits ? { value, problem: null } : { value: null, problem: `${rule.name} must be ${expected(rule)}.` }
}

function expected({ whole, least, most, above }: SettingRule): string {
  const kind = whole ? 'a whole number' : 'a number'
  if (above !== undefined) return `${kind} above ${above}`
  if (least !== undefined && most !== undefined) return `${kind} from ${least} to ${most}`
  return kind
}
