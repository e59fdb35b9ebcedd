import tseslint from 'typescript-eslint'
import vue from 'eslint-plugin-vue'
import vueParser from 'vue-eslint-parser'
import { browserRooms, chartRooms, electronRooms, engineRooms, rooms } from './eslint.layers.js'

const nodeBuiltins = '^node:'

/** Forbids imports whose path passes through one of `names`. */
function forbid(names, message) {
  return names.length === 0 ? [] : [{ regex: `(^|/)\\.\\.?/(.*/)?(${names.join('|')})(/|$)`, message }]
}

function layerRules(room, allowed, charts = browserRooms.includes(room)) {
  const forbidden = Object.keys(rooms).filter((other) => other !== room && !allowed.includes(other))
  const patterns = forbid(forbidden, `src/${room} may import only: ${[room, ...allowed].join(', ')}. See eslint.layers.js.`)
  if (!electronRooms.includes(room)) patterns.push({ regex: '^electron($|/)', message: 'Only src/main and src/preload may import electron.' })
  if (browserRooms.includes(room) || room === 'shared' || room === 'preload') patterns.push({ regex: nodeBuiltins, message: `src/${room} has no Node.` })
  if (!browserRooms.includes(room)) patterns.push({ regex: '^(vue|pinia|vue-echarts)($|/)', message: 'Only src/renderer may import the view libraries.' })
  if (!charts) patterns.push({ regex: '^echarts($|/)', message: 'Only src/renderer and src/engine/report may draw charts.' })
  return patterns
}

/** The same patterns for static imports and for import(). esquery's patterns cannot hold a slash. */
function restricted(patterns) {
  const dynamic = patterns.map(({ regex, message }) => ({
    selector: `ImportExpression[source.value=/${regex.replaceAll('\\/', '/').replaceAll('/', '\\u002F')}/]`,
    message,
  }))
  return { 'no-restricted-imports': ['error', { patterns }], 'no-restricted-syntax': ['error', ...dynamic] }
}

const layers = Object.entries(rooms).map(([room, allowed]) => ({
  files: [`src/${room}/**/*.{ts,vue}`],
  rules: restricted(layerRules(room, allowed)),
}))

const engineLayers = Object.entries(engineRooms).map(([room, allowed]) => ({
  files: [`src/engine/${room}/**/*.ts`],
  rules: restricted([
    ...layerRules('engine', rooms.engine, chartRooms.includes(room)),
    ...forbid(
      Object.keys(engineRooms).filter((other) => other !== room && !allowed.includes(other)),
      `src/engine/${room} may import only: ${[room, ...allowed].join(', ')}. See eslint.layers.js.`,
    ),
  ]),
}))

export default tseslint.config(
  { ignores: ['out/**', '.cache/**', 'node_modules/**', 'test-results/**', 'playwright-report/**'] },
  ...tseslint.configs.recommended,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parser: vueParser, parserOptions: { parser: tseslint.parser, sourceType: 'module' } },
    rules: {
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/first-attribute-linebreak': 'off',
    },
  },
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
      eqeqeq: ['error', 'always'],
      'no-undef': 'off',
    },
  },
  // People read what these print.
  { files: ['scripts/**', 'bench/**', 'src/cli/**', 'src/webhost/**', 'tests/**', 'e2e/**', '*.config.*'], rules: { 'no-console': 'off' } },
  ...layers,
  ...engineLayers,
)
