import type { ThemeChoice } from '../../shared/contract'

export const SETTINGS = {
  title: 'Settings',
  theme: 'Theme',
  themes: { system: 'As the system', light: 'Light', dark: 'Dark' } satisfies Record<ThemeChoice, string>,
  memory: 'Memory for pixels',
  automatic: 'automatic',
  memoryFault: (least: number) => `a whole number from ${least}`,
  memoryHint: (fit: number, run: number) =>
    `While fitting and scoring. With less, training draws from fewer pixels and large cubes are scored in smaller pieces; empty is automatic: ${fit} MB for fits, ${run} MB for scoring.`,
  overviews: 'Make overviews of large cubes',
  overviewsHint: 'Smaller copies inside the project, so that cubes whose bands are slow to read show more detail at once.',
  cancel: 'Cancel',
  save: 'Save',
}
