// A module hook: "electron" is the fake, as compiled beside this file.
const fake = new URL('./electron.mjs', import.meta.url).href

export async function resolve(specifier, context, next) {
  return specifier === 'electron' || specifier === './electron' ? { url: fake, shortCircuit: true } : next(specifier, context)
}
