export type MenuId = 'file' | 'edit' | 'view' | 'panels' | 'help'

/** Something a person can ask for. It appears in the palette, and in menus and the list of shortcuts as far as it has any. */
export interface Command {
  /** "area.verb", once. */
  id: string
  title: () => string
  /** Where it is in the menu bar; null: in the palette only. Items of another section are set apart by a line. */
  menu: { id: MenuId; section: number } | null
  /** First the one that menus show. */
  shortcuts?: readonly string[]
  /** 'picture': its keys count only where no control has the focus. */
  scope?: 'window' | 'picture'
  /** Whether it would do anything now. */
  when?: () => boolean
  /** For choices of which one holds. */
  checked?: () => boolean
  run: () => unknown
}

export function isAvailable(command: Command): boolean {
  return command.when?.() ?? true
}
