import { defineConfig } from '@playwright/test'
import e2e from './playwright.config'

// npm run shots: pictures of every panel, both themes, two sizes.
export default defineConfig({ ...e2e, testDir: 'e2e/shots', testMatch: '*.ts', timeout: 300_000 })
